"""Embed audio with a packed model: `python -m espnet_ext.bin.embed --model packed --out out.npz a.wav folder/`."""

import argparse
from pathlib import Path

from espnet_ext.bin.entry import run_main


def parse_args() -> argparse.Namespace:
    """Options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path, nargs="+", help="audio files, folders, data or dump directories")
    parser.add_argument("--model", required=True, help="folder or zip file of a packed model, or its hub id")
    parser.add_argument("--out", type=Path, required=True, help="X.npz, or a folder for kaldi archives")
    parser.add_argument("--device", help="cpu or cuda; default: the GPU if there is one")
    parser.add_argument("--autocast", choices=["float32", "bfloat16"], default="float32", help="dtype of products")
    parser.add_argument("--downmix", action="store_true", help="average the channels of files with several channels")
    parser.add_argument("--skip_errors", action="store_true", help="skip files that cannot be read")
    return parser.parse_args()


def main() -> None:
    """Embed all recordings, then write. An interrupted run resumes from the parts that it has written."""
    args = parse_args()
    # Imported late, so that --help is fast.
    from espnet_ext.inference.embed_files import (
        EmbeddingParts,
        check_output,
        embed_missing,
        parts_folder,
        report_errors,
        write_embeddings,
    )
    from espnet_ext.kaldi.sources import list_sources

    sources = list_sources(args.audio)
    check_output(args.out, sources)
    from espnet_ext.hub.fetch_model import model_folder
    from espnet_ext.inference.utt_encoder import UttEncoder
    from espnet_ext.model.saved_model import model_hashes

    model = model_folder(args.model)
    encoder = UttEncoder.from_pretrained(model, args.device, args.autocast, args.downmix)
    origin = model_hashes(model) | {"autocast": args.autocast, "downmix": args.downmix}
    parts = EmbeddingParts(parts_folder(args.out), origin)
    entries, errors = embed_missing(encoder, sources, parts, args.skip_errors)
    for path in write_embeddings(args.out, [entry.identity for entry in entries], parts.collect(entries)):
        print(path)
    report_errors(errors, len(sources), args.out)
    parts.remove()


if __name__ == "__main__":
    run_main(main)
