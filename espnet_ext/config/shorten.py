"""A training config with a fraction of the steps, for a first look."""

from collections.abc import Mapping
from typing import Any


def shorten(options: Mapping[str, Any], fraction: float) -> dict[str, Any]:
    """Shorten a training; schedules that end with it follow from its length.

    Args:
        options: of ESPnet's trainer; `max_epoch` and `num_iters_per_epoch` are those of the whole training.
        fraction: of the steps that stays, above 0, at most 1.

    Returns:
        the same options with fewer epochs and steps; an epoch has a multiple of `accum_grad` steps.
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
