"""Length of learning-rate schedules that end with the training."""

import argparse

from espnet_ext.utils.errors import UserError

# Schedulers whose every step depends on the number of all steps: they cannot continue a shorter training.
ENDING_SCHEDULERS = ("onecyclelr",)
COMPUTED_KEYS = ("total_steps", "epochs", "steps_per_epoch")
# The part in which the learning rate rises; torch divides by zero if it is a single step.
MIN_RISING_STEPS = 2
MAX_RISING_PART = 0.75
DEFAULT_RISING_PART = 0.3


def set_total_steps(args: argparse.Namespace) -> None:
    """Compute the options of schedulers that depend on the length of the training.

    `total_steps` is max_epoch x num_iters_per_epoch / accum_grad. `pct_start` grows if the rise would be too short.

    Args:
        args: ESPnet's options; its scheduler options are replaced.

    Raises:
        UserError: a config contains another length.
    """
    total_steps = max(1, args.max_epoch * args.num_iters_per_epoch // args.accum_grad)
    for option in ("scheduler", "scheduler2"):
        if getattr(args, option) not in ENDING_SCHEDULERS:
            continue
        conf = getattr(args, f"{option}_conf")
        given = {key: conf[key] for key in COMPUTED_KEYS if key in conf}
        if given not in ({}, {"total_steps": total_steps}):
            raise UserError(
                f"{args.config}: {option}_conf: leave out {', '.join(given)}: the schedule ends with the training, "
                f"here after max_epoch x num_iters_per_epoch / accum_grad = {total_steps} steps"
            )
        computed = {"total_steps": total_steps}
        if (part := min(MIN_RISING_STEPS / total_steps, MAX_RISING_PART)) > conf.get("pct_start", DEFAULT_RISING_PART):
            computed["pct_start"] = part
        setattr(args, f"{option}_conf", conf | computed)
