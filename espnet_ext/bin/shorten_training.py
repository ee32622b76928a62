"""Write a training config with a fraction of the steps: `python -m espnet_ext.bin.shorten_training --help`."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from espnet_ext.bin.argument_types import fraction
from espnet_ext.bin.entry import run_main
from espnet_ext.utils.atomic import write_text_atomic
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.strict_yaml import read_yaml


def shorten(options: Mapping[str, Any], fraction: float) -> dict[str, Any]:
    """Shorten a training. Schedules that end with it are computed from its length.

    Args:
        options: options of ESPnet's trainer, with `max_epoch` and `num_iters_per_epoch` of the whole training.
        fraction: fraction of the steps to keep, above 0, at most 1.

    Returns:
        The same options with fewer epochs and steps; an epoch has a multiple of `accum_grad` steps.
    """
    epochs, accum_grad = options["max_epoch"], options.get("accum_grad", 1)
    batches = fraction * epochs * options["num_iters_per_epoch"]
    short_epochs = max(1, round(fraction * epochs))
    short_steps = max(1, round(batches / short_epochs / accum_grad))  # of the optimizer, in one epoch
    shortened = dict(options) | {"max_epoch": short_epochs, "num_iters_per_epoch": short_steps * accum_grad}
    for name in ("scheduler_conf", "scheduler2_conf"):
        if warmup_steps := options.get(name, {}).get("warmup_steps"):
            shortened[name] = options[name] | {"warmup_steps": max(1, round(fraction * warmup_steps))}
    return shortened


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="YAML file of the trainer's options")
    parser.add_argument("--fraction", type=fraction, required=True, help="fraction of the steps, above 0, at most 1")
    parser.add_argument("--out", type=Path, required=True, help="config to write")
    args = parser.parse_args()
    options = read_yaml(args.config)
    for name in ("max_epoch", "num_iters_per_epoch"):
        if not isinstance(options.get(name), int) or options[name] < 1:
            raise UserError(f"{args.config}: {name} must be a whole number of at least 1 to shorten the training")
    write_text_atomic(args.out, yaml.safe_dump(shorten(options, args.fraction), sort_keys=False))


if __name__ == "__main__":
    run_main(main)
