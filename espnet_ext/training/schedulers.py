"""Learning-rate schedules: new-bob annealing, and the length of schedules that end with the training."""

import argparse
from typing import Any

import torch
from espnet2.schedulers.abs_scheduler import AbsValEpochStepScheduler

from espnet_ext.utils.errors import UserError

# Schedulers whose every step depends on the number of all steps: they cannot continue a shorter training.
ENDING_SCHEDULERS = ("onecyclelr",)
COMPUTED_KEYS = ("total_steps", "epochs", "steps_per_epoch")
# The part in which the learning rate rises; torch divides by zero if it is a single step.
MIN_RISING_STEPS = 2
MAX_RISING_PART = 0.75
DEFAULT_RISING_PART = 0.3


class NewBob(AbsValEpochStepScheduler):
    """Multiply the learning rates by `factor` when the dev loss fell by less than `threshold` of itself.

    The rule of SpeechBrain's NewBobScheduler, which the paper used. torch's ReduceLROnPlateau compares with the best
    epoch instead of the previous one, and resets its patience at an improvement.

    Args:
        optimizer: optimizer whose learning rates are annealed.
        factor: factor of the annealing.
        threshold: sufficient relative improvement on the previous epoch.
        patience: epochs with too little improvement between two annealings.
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, factor: float = 0.5, threshold: float = 0.0025, patience: int = 0
    ) -> None:
        self.optimizer, self.factor, self.threshold, self.patience = optimizer, factor, threshold, patience
        self.previous: float | None = None
        self.waits = patience

    def step(self, val: float, epoch: int | None = None) -> None:
        """End an epoch of dev loss `val`."""
        previous, self.previous = self.previous, val
        if previous is None or (previous != 0 and (previous - val) / previous >= self.threshold):
            return
        if self.waits > 0:
            self.waits -= 1
            return
        self.waits = self.patience
        for group in self.optimizer.param_groups:
            group["lr"] *= self.factor

    def state_dict(self) -> dict[str, Any]:
        """State of the scheduler; the learning rates are in the optimizer's state."""
        return {"previous": self.previous, "waits": self.waits}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.previous, self.waits = state["previous"], state["waits"]


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
