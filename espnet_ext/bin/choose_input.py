"""Print the input of each training phase, one phase per line; see `choose_inputs` for the format."""

import argparse
from pathlib import Path

from espnet_ext.bin.entry import run_main


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configs", type=Path, nargs="+", required=True, help="YAML files of the trainer's options")
    parser.add_argument("--train_dump", type=Path, required=True, help="dump directory of the training set")
    args = parser.parse_args()
    # Imported late: see the package's docstring.
    from espnet_ext.config.training_input import choose_inputs
    from espnet_ext.kaldi.scp import iter_scp

    num_samples = sum(int(count) for _, count in iter_scp(args.train_dump / "utt2num_samples"))
    print("\n".join(choose_inputs(args.configs, num_samples)))


if __name__ == "__main__":
    run_main(main)
