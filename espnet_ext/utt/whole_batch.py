"""What is said of a batch that processes share, from each one's share of it."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from espnet_ext.utt.ranks import num_ranks, sum_over_ranks

# Begins the name of the statistic that counts an attribute's targets in a batch.
TARGETS = "targets_"


class WholeBatch(NamedTuple):
    """Figures over the whole batch.

    Attributes:
        losses: attribute -> mean over the rows that have its target, NaN where none has.
        measures: attribute -> mean of what is measured, likewise.
        counts: attribute -> these rows.
        shares: attribute -> this process's share of them.
        size: utterances.
    """

    losses: dict[str, Tensor]
    measures: dict[str, Tensor]
    counts: dict[str, Tensor]
    shares: dict[str, Tensor]
    size: Tensor | int

    def statistics(self) -> dict[str, Tensor]:
        """`loss_<attribute>` and `targets_<attribute>`."""
        losses = {f"loss_{name}": loss for name, loss in self.losses.items()}
        return losses | {f"{TARGETS}{name}": count for name, count in self.counts.items()}

    def loss(self, weights: Mapping[str, float]) -> Tensor:
        """Mean over all utterances of the weighted sum of an utterance's losses; one without a target adds none."""
        shares = {name: count / self.size for name, count in self.counts.items()}
        return sum(weights[name] * self.losses[name].where(share > 0, 0.0) * share for name, share in shares.items())


def whole_batch(
    losses: Mapping[str, Tensor], measures: Mapping[str, Tensor], counts: Mapping[str, Tensor], size: int
) -> WholeBatch:
    """Figures of the whole batch.

    Args:
        losses: attribute -> mean over this process's rows that have its target.
        measures: attribute -> mean of what is measured, likewise.
        counts: attribute -> how many rows have its target.
        size: utterances of this process.
    """
    loss, measure = (torch.stack([mean.detach() for mean in means.values()]) for means in (losses, measures))
    count = torch.stack(list(counts.values())).to(loss)
    whole, total = count, size
    if num_ranks() > 1:
        sums = sum_over_ranks(torch.cat([loss * count, measure * count, count, count.new_tensor([size])]))
        loss, measure, whole, total = sums.split([len(count), len(count), len(count), 1])
        loss, measure = loss / whole.clamp(min=1), measure / whole.clamp(min=1)
        total = total.long()
    loss, measure = (torch.where(whole > 0, mean, torch.nan) for mean in (loss, measure))
    figures = loss, measure, whole, count / whole.clamp(min=1)
    return WholeBatch(*(dict(zip(losses, values, strict=True)) for values in figures), total)
