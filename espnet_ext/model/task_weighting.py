"""Weighting of the attributes' losses: fixed or learned weights."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from espnet_ext.utils.errors import UserError


class FixedWeighting(nn.Module):
    """The weights of the attributes file only.

    Args:
        names: the attributes.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = list(names)

    def scale_loss(self, name: str, loss: Tensor) -> Tensor:
        """Scale an attribute's mean loss for training, before its weight in the attributes file."""
        return loss

    def statistics(self) -> dict[str, Tensor]:
        """Learned weights, by name of the statistic."""
        return {}


class UncertaintyWeighting(FixedWeighting):
    """exp(-s) * loss + s / 2 with a learned s for each attribute (Kendall et al., 2018, arXiv 1705.07115).

    s is the logarithm of the task's variance. It starts at 0, where the gradients equal those of fixed weights, and
    settles where exp(-s) * loss = 1/2 for every attribute, so that losses of different scale contribute equally. The
    attribute's weight in the attributes file multiplies both terms and stays a priority.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names)
        self.log_variances = nn.Parameter(torch.zeros(len(self.names)))

    def scale_loss(self, name: str, loss: Tensor) -> Tensor:
        """See `FixedWeighting.scale_loss`."""
        log_variance = self.log_variances[self.names.index(name)]
        return torch.exp(-log_variance) * loss + log_variance / 2

    def statistics(self) -> dict[str, Tensor]:
        """`weight_<attribute>`: exp(-s)."""
        return {
            f"weight_{name}": weight
            for name, weight in zip(self.names, torch.exp(-self.log_variances.detach()), strict=True)
        }


TASK_WEIGHTINGS: dict[str, type[FixedWeighting]] = {"fixed": FixedWeighting, "uncertainty": UncertaintyWeighting}


def build_task_weighting(name: str, attributes: Sequence[str]) -> FixedWeighting:
    """Build a weighting by its name; UserError lists the legal names."""
    if name not in TASK_WEIGHTINGS:
        raise UserError(f"model_conf: task_weighting {name!r} is unknown; legal: {', '.join(TASK_WEIGHTINGS)}")
    return TASK_WEIGHTINGS[name](attributes)
