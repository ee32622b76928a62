"""Extract all attributes' embeddings of dump directories: `python -m espnet_ext.bin.extract --help`."""

import argparse
from pathlib import Path

import torch

from espnet_ext.bin.entry import run_main
from espnet_ext.data.data_dir import read_scp
from espnet_ext.data.progress import audio_progress
from espnet_ext.hub.extract import extract
from espnet_ext.hub.inference import UttEncoder
from espnet_ext.hub.model_files import load_encoder, load_model
from espnet_ext.utt.untrained import UntrainedModel


def main() -> None:
    """Write `<out>/<set>/<attribute>.scp` for every dump directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", type=Path, help="folder of a trained model")
    source.add_argument("--untrained", type=Path, help="folder of a pretrained encoder: mean of its frames and layers")
    parser.add_argument("--attributes", nargs="+", required=True, help="attributes to write")
    parser.add_argument("--dump_dirs", type=Path, nargs="+", required=True, help="dump directories")
    parser.add_argument("--out", type=Path, required=True, help="folder of this system's embeddings")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    if args.model:
        model = load_model(args.model, args.device)
    else:
        model = UntrainedModel(load_encoder(args.untrained), args.attributes).to(args.device).eval()
    encoder = UttEncoder(model)
    for dump in args.dump_dirs:
        num_samples = sum(map(int, read_scp(dump / "utt2num_samples").values()))
        with audio_progress(f"{dump}: embeddings", num_samples / model.encoder.sampling_rate) as advance:
            for done in extract(encoder, args.attributes, read_scp(dump / "wav.scp"), args.out / dump.name):
                advance(done / model.encoder.sampling_rate)


if __name__ == "__main__":
    run_main(main)
