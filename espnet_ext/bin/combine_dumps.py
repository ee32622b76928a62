"""Merge dump directories of several corpora into one to train on; their archives stay where they are."""

import argparse
from pathlib import Path

from espnet_ext.bin.entry import run_main


def main() -> None:
    """Merge the dumps and print the number of utterances with each target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the combined dump directory")
    parser.add_argument("--dumps", type=Path, nargs="+", required=True, help="dump/<set> of each corpus")
    parser.add_argument("--attributes", nargs="*", default=[], help="attributes whose teacher targets are merged")
    args = parser.parse_args()
    # Imported late: see the package's docstring.
    from espnet_ext.dump.combine import combine_dumps

    counts = combine_dumps(args.out, args.dumps, args.attributes)
    targets = "".join(f"; {counts[f'target_{attribute}']} with {attribute}" for attribute in args.attributes)
    print(f"{args.out}: {counts['wav']} utterances of {len(args.dumps)} sets{targets}")


if __name__ == "__main__":
    run_main(main)
