"""Check data directories, and that evaluation sets share nothing with a training set."""

import argparse
from pathlib import Path

from espnet_ext.bin.entry import run_main
from espnet_ext.kaldi import SHAREABLE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dirs", type=Path, nargs="+", help="data directories")
    parser.add_argument("--train_dir", type=Path, help="check the others against this one")
    parser.add_argument("--shared", nargs="*", choices=SHAREABLE, default=[], help="what they may share with it")
    args = parser.parse_args()
    # Imported late: see the package's docstring.
    from espnet_ext.kaldi.data_dir import DataDir
    from espnet_ext.kaldi.overlap import validate_split
    from espnet_ext.kaldi.validate import validate_data_dir

    for path in args.data_dirs:
        validate_data_dir(path)
        if args.train_dir is not None:
            validate_split(args.train_dir, path, args.shared)
        print(f"{path}: {len(DataDir(path).utterances)} utterances, valid")


if __name__ == "__main__":
    run_main(main)
