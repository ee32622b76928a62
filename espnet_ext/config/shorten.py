"""A training config with a fraction of the steps, for a first look."""

from collections.abc import Mapping
from typing import Any

# Of `onecyclelr`, the part in which the learning rate rises; where this is one step, it divides by zero.
MIN_RISING_STEPS = 2
MAX_RISING_PART = 0.75


def shorten(options: Mapping[str, Any], fraction: float) -> dict[str, Any]:
    """Shorten a training and its schedules.

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
        if name in options:
            shortened[name] = _shorten_schedule(options[name], short_epochs * short_steps, fraction)
    return shortened


def _shorten_schedule(conf: Mapping[str, Any], steps: int, fraction: float) -> dict[str, Any]:
    shortened = dict(conf)
    if "total_steps" in conf:
        shortened["total_steps"] = steps
    if "pct_start" in conf:
        shortened["pct_start"] = max(conf["pct_start"], min(MIN_RISING_STEPS / steps, MAX_RISING_PART))
    if "warmup_steps" in conf:
        shortened["warmup_steps"] = max(1, round(fraction * conf["warmup_steps"]))
    return shortened
