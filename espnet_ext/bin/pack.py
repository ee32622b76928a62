"""Pack a trained model for use elsewhere: `python -m espnet_ext.bin.pack --help`."""

import argparse
from pathlib import Path

from espnet_ext.bin.entry import run_main


def main() -> None:
    """Write `<out>/` and `<out>.zip`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder of a trained phase")
    parser.add_argument("--out", type=Path, required=True, help="folder to write; a zip file is written next to it")
    args = parser.parse_args()
    # Imported late, so that --help is fast.
    from espnet_ext.hub.pack import pack_model

    archive = pack_model(args.model, args.out)
    print(f"  {args.out}\n  {archive}")


if __name__ == "__main__":
    run_main(main)
