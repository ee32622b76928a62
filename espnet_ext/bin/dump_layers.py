"""Compute the layers of a frozen encoder for all utterances of a dump directory."""

import argparse
from pathlib import Path

from espnet_ext.bin.entry import run_main
from espnet_ext.model.precision import AUTO, AUTOCAST_NAMES


def main() -> None:
    """Fill `<dump_dir>/<layers_name>/`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dump_dir", type=Path, required=True, help="dump directory with wav.scp")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--encoder", type=Path, help="folder of the pretrained encoder")
    source.add_argument("--model", type=Path, help="folder of a trained model, whose encoder is used")
    parser.add_argument(
        "--frame_average", type=int, help="frames averaged into one (default 1; set by a trained model)"
    )
    parser.add_argument("--layers_name", default="layers", help="name of the folder below the dump directory")
    parser.add_argument("--autocast", choices=AUTOCAST_NAMES, default=AUTO, help="dtype of matrix products")
    parser.add_argument(
        "--num_frozen_blocks", type=int, help="also keep the output of this block, for training the blocks above it"
    )
    parser.add_argument("--device", help="cpu or cuda; default: the GPU if there is one")
    args = parser.parse_args()
    if args.model and args.frame_average:
        parser.error("--frame_average: set by the trained model; leave the option out")
    # Imported late: see the package's docstring.
    from espnet_ext.model.saved_model import load_encoder, load_trained_encoder
    from espnet_ext.model.utt_model import AUTOCAST_DTYPES
    from espnet_ext.teachers.runtime import Runtime
    from espnet_ext.training.layer_cache import LayerCache
    from espnet_ext.training.utterance_table import check_lengths, read_table
    from espnet_ext.utils.progress import audio_progress

    device = str(Runtime(args.device).torch_device())
    encoder = load_trained_encoder(args.model) if args.model else load_encoder(args.encoder, args.frame_average or 1)
    encoder = encoder.to(device).eval()
    table = read_table(args.dump_dir)
    check_lengths(table, encoder)
    folder = args.model or args.encoder
    if args.num_frozen_blocks is not None and not 1 <= args.num_frozen_blocks < encoder.num_layers:
        parser.error(f"--num_frozen_blocks {args.num_frozen_blocks} is not within 1 to {encoder.num_layers - 1}")
    cache = LayerCache(
        args.dump_dir,
        folder,
        encoder.frame_average,
        args.autocast,
        args.layers_name,
        device,
        args.num_frozen_blocks,
    )
    total_s = table.num_samples.sum() / encoder.sampling_rate
    with audio_progress(f"{args.dump_dir}: layers", total_s, estimate=True) as advance:
        for seconds in cache.fill(encoder, AUTOCAST_DTYPES[cache.autocast]):
            advance(seconds)


if __name__ == "__main__":
    run_main(main)
