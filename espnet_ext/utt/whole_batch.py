"""What is said of a batch that processes share, from each one's share of it."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from espnet_ext.utt.ranks import num_ranks, sum_over_ranks


class WholeBatch(NamedTuple):
    """Figures over the whole batch.

    Attributes:
        losses: attribute -> mean over the rows that have its target, 0 where none has.
        measures: attribute -> mean of what is measured over these rows, NaN where none has a target.
        shares: attribute -> this process's share of these rows.
        size: utterances.
    """

    losses: dict[str, Tensor]
    measures: dict[str, Tensor]
    shares: dict[str, Tensor]
    size: Tensor | int


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
    count = torch.stack(list(counts.values()))
    loss, measure = (torch.stack([mean.detach() for mean in means.values()]) for means in (losses, measures))
    whole, total = count, size
    if num_ranks() > 1:
        sums = sum_over_ranks(torch.cat([loss * count, measure * count, count, count.new_tensor([size])]))
        loss, measure, whole, total = sums.split([len(count), len(count), len(count), 1])
        loss, measure = loss / whole.clamp(min=1), measure / whole.clamp(min=1)
        total = total.long()
    measure = torch.where(whole > 0, measure, torch.nan)
    by_name = [dict(zip(losses, values, strict=True)) for values in (loss, measure, count / whole.clamp(min=1))]
    return WholeBatch(*by_name, total)
