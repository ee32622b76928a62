"""Write a training config with a fraction of the steps: `python -m espnet_ext.bin.shorten_training --help`."""

import argparse
from pathlib import Path

import yaml

from espnet_ext.bin.argument_types import fraction
from espnet_ext.bin.entry import run_main
from espnet_ext.config.shorten import shorten
from espnet_ext.config.strict import read_yaml
from espnet_ext.utils.atomic import write_text_atomic
from espnet_ext.utils.errors import UserError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="YAML file of the trainer's options")
    parser.add_argument("--fraction", type=fraction, required=True, help="of the steps, above 0, at most 1")
    parser.add_argument("--out", type=Path, required=True, help="config to write")
    args = parser.parse_args()
    options = read_yaml(args.config)
    for name in ("max_epoch", "num_iters_per_epoch"):
        if not isinstance(options.get(name), int) or options[name] < 1:
            raise UserError(f"{args.config}: {name} must be a whole number of at least 1, to shorten the training")
    write_text_atomic(args.out, yaml.safe_dump(shorten(options, args.fraction), sort_keys=False))


if __name__ == "__main__":
    run_main(main)
