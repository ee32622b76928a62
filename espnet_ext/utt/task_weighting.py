"""How the attributes' losses become one gradient: fixed weights, learned ones, or gradient surgery."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from espnet_ext.errors import UserError
from espnet_ext.utt.gradient_surgery import operated_gradients, with_gradients
from espnet_ext.utt.ranks import num_ranks


class FixedWeighting(nn.Module):
    """The weighted sum of the attributes file.

    Args:
        names: the attributes.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = list(names)

    def weigh(self, name: str, loss: Tensor) -> Tensor:
        """What an attribute's mean loss counts as in training, before its weight in the attributes file."""
        return loss

    def total(self, tasks: Mapping[str, Tensor], encoder: nn.Module, heads: Sequence[nn.Module]) -> Tensor:
        """One loss of several.

        Args:
            tasks: name -> scalar with a graph; of processes that share a batch, terms of one sum.
            encoder: what all tasks share.
            heads: modules with the other parameters.

        Returns:
            Scalar whose gradient, averaged over the processes, is what trains.
        """
        return torch.stack(list(tasks.values())).sum() * num_ranks()

    def statistics(self) -> dict[str, Tensor]:
        """What was learnt of the weights."""
        return {}


class UncertaintyWeighting(FixedWeighting):
    """exp(-s) * loss + s / 2 with a learned s of each attribute (Kendall et al., 2018, arXiv 1705.07115).

    s is the logarithm of the task's variance. It begins at 0, where the gradients are those of fixed weights, and
    settles where exp(-s) * loss = 1/2 for every attribute: losses of different scale come to count alike. The
    attribute's weight in the attributes file multiplies both terms, and so stays a priority.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names)
        self.log_variances = nn.Parameter(torch.zeros(len(self.names)))

    def weigh(self, name: str, loss: Tensor) -> Tensor:
        """See `FixedWeighting.weigh`."""
        log_variance = self.log_variances[self.names.index(name)]
        return torch.exp(-log_variance) * loss + log_variance / 2

    def statistics(self) -> dict[str, Tensor]:
        """`weight_<attribute>`: exp(-s)."""
        return {
            f"weight_{name}": weight
            for name, weight in zip(self.names, torch.exp(-self.log_variances.detach()), strict=True)
        }


class PCGradWeighting(FixedWeighting):
    """Gradients on the encoder lose what they undo of each other (Yu et al., 2020, arXiv 2001.06782).

    Where two attributes' gradients point against each other, each is projected onto the other's normal plane before
    they are added. Heads are not shared, so their gradients stay. A step costs one backward pass through the encoder
    for each attribute, and all-reduces each of these gradients where processes share the batch: what is in conflict is
    the whole batch, not a share of it. With `accum_grad`, conflicts are those within one batch.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names)
        if find_spec("torchjd") is None:
            raise UserError("model_conf: task_weighting pcgrad needs the package torchjd: pip install torchjd")
        self.steps = 0

    def total(self, tasks: Mapping[str, Tensor], encoder: nn.Module, heads: Sequence[nn.Module]) -> Tensor:
        """See `FixedWeighting.total`."""
        total = super().total(tasks, encoder, heads)
        shared = [parameter for parameter in encoder.parameters() if parameter.requires_grad]
        if not (self.training and shared and len(tasks) > 1):
            return total
        own = [parameter for module in heads for parameter in module.parameters() if parameter.requires_grad]
        gradients = operated_gradients(list(tasks.values()), shared, own, seed=self.steps)
        self.steps += 1
        return with_gradients(total.detach(), [*shared, *own], gradients)

    def train(self, mode: bool = True) -> "PCGradWeighting":
        """Switch modes; the order of projections begins anew with an epoch, so that a resumed run repeats it."""
        self.steps = 0
        return super().train(mode)


TASK_WEIGHTINGS: dict[str, type[FixedWeighting]] = {
    "fixed": FixedWeighting,
    "uncertainty": UncertaintyWeighting,
    "pcgrad": PCGradWeighting,
}


def build_task_weighting(name: str, attributes: Sequence[str]) -> FixedWeighting:
    """Build one by its name; UserError lists the legal ones."""
    if name not in TASK_WEIGHTINGS:
        raise UserError(f"model_conf: task_weighting {name!r} is unknown; legal: {', '.join(TASK_WEIGHTINGS)}")
    return TASK_WEIGHTINGS[name](attributes)
