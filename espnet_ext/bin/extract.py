"""Extract all attributes' embeddings of dump directories: `python -m espnet_ext.bin.extract --help`."""

import argparse
from pathlib import Path

from espnet_ext.bin.entry import run_main
from espnet_ext.dump.executor import Executor


def main() -> None:
    """Write `<out>/<set>/<attribute>.scp` for every dump directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", type=Path, help="folder of a trained model")
    source.add_argument("--untrained", type=Path, help="folder of a pretrained encoder, to average its layers")
    parser.add_argument("--attributes", nargs="+", required=True, help="attributes to write")
    parser.add_argument("--dump_dirs", type=Path, nargs="+", required=True, help="dump directories")
    parser.add_argument("--out", type=Path, required=True, help="folder of this system's embeddings")
    parser.add_argument("--device", help="cpu or cuda; default: the GPU if there is one")
    parser.add_argument("--autocast", choices=["float32", "bfloat16"], default="float32", help="dtype of products")
    parser.add_argument("--ngpu", type=int, default=0, help="GPUs of this machine, one process each")
    Executor.add_options(parser, nj=1)
    args = parser.parse_args()
    if args.untrained and args.autocast != "float32":
        parser.error("--autocast: the untrained encoder computes in float32")
    # Imported late, so that --help is fast.
    import torch

    from espnet_ext.audio import RATE
    from espnet_ext.inference.extract import System, extract
    from espnet_ext.kaldi.scp import read_scp
    from espnet_ext.utils.progress import audio_progress

    if args.ngpu > torch.cuda.device_count() and args.executor == "local":
        parser.error(f"--ngpu {args.ngpu}: this machine has {torch.cuda.device_count()} that can be used")
    executor = Executor.from_options(args, args.ngpu)
    system = System(
        args.model or args.untrained, tuple(args.attributes), args.untrained is not None, args.device, args.autocast
    )
    num_samples = sum(int(n) for dump in args.dump_dirs for n in read_scp(dump / "utt2num_samples").values())
    with audio_progress(f"{args.out}", num_samples / RATE) as advance:
        for done in extract(system, args.dump_dirs, args.out, executor):
            advance(done / RATE)


if __name__ == "__main__":
    run_main(main)
