"""A gradient scaler for several optimizers under one loss."""

from torch.amp.grad_scaler import GradScaler, OptState


class JointGradScaler(GradScaler):
    """A GradScaler whose `update` waits until every optimizer has stepped.

    ESPnet 202611 calls `update` after each optimizer's step. The first call forgets which optimizers
    were unscaled already, and the gradients of the second one are divided by the scale twice.
    """

    def update(self, new_scale: float | None = None) -> None:
        """Update the scale once all optimizers that were unscaled in this step have stepped."""
        if all(state["stage"] is OptState.STEPPED for state in self._per_optimizer_states.values()):
            super().update(new_scale)
