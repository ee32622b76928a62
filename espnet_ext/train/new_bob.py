"""New-bob annealing: lower the learning rate where an epoch improved too little on the one before."""

from typing import Any

import torch
from espnet2.schedulers.abs_scheduler import AbsValEpochStepScheduler


class NewBob(AbsValEpochStepScheduler):
    """Multiply the learning rates by `factor` when the dev loss fell by less than `threshold` of itself.

    The rule is that of SpeechBrain's NewBobScheduler; the paper trained with new-bob annealing. torch's
    ReduceLROnPlateau compares with the best epoch instead of the last one, and resets its patience at an improvement.

    Args:
        optimizer: whose learning rates are annealed.
        factor: of the annealing.
        threshold: relative improvement on the epoch before that is enough.
        patience: epochs of too little improvement that pass between two annealings.
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
        """What a resumed run needs; the learning rates are in the optimizer's state."""
        return {"previous": self.previous, "waits": self.waits}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.previous, self.waits = state["previous"], state["waits"]
