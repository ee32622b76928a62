"""Statistics of a training step: losses and metrics of the whole batch, gradients of the attributes."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor, nn

from espnet_ext.model.distributed import num_ranks, sum_over_ranks

# Prefix of the statistic that counts an attribute's targets in a batch.
TARGETS = "targets_"


class BatchStatistics(NamedTuple):
    """Batch statistics reduced across data-parallel ranks.

    Attributes:
        losses: attribute -> mean over the rows that have its target, NaN without such rows.
        measures: attribute -> mean of its metric, likewise.
        counts: attribute -> number of these rows.
        shares: attribute -> this rank's fraction of these rows.
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
        """Mean over all utterances of the weighted sum of their losses; a missing target adds none."""
        shares = {name: count / self.size for name, count in self.counts.items()}
        return sum(weights[name] * self.losses[name].where(share > 0, 0.0) * share for name, share in shares.items())


def reduce_statistics(
    losses: Mapping[str, Tensor], measures: Mapping[str, Tensor], counts: Mapping[str, Tensor], size: int
) -> BatchStatistics:
    """Reduce the statistics of this rank's part of a batch to those of the whole batch.

    Args:
        losses: attribute -> mean over this rank's rows that have its target.
        measures: attribute -> mean of its metric, likewise.
        counts: attribute -> number of these rows.
        size: utterances of this rank.
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
    reduced = loss, measure, whole, count / whole.clamp(min=1)
    means, measures, counts, shares = (dict(zip(losses, values, strict=True)) for values in reduced)
    return BatchStatistics(means, measures, counts, shares, total)


def gradient_statistics(losses: dict[str, Tensor], shared: Sequence[nn.Parameter], measured: bool) -> dict[str, Tensor]:
    """Norm of each attribute's gradient on the shared parameters, and the cosine of each pair of gradients.

    With a negative cosine, a step for one attribute undoes part of a step for the other. The keys do not depend on
    `measured`, so that all ranks of a distributed run report the same statistics.

    Args:
        losses: attribute -> scalar loss with a graph; the sum over the ranks is the loss of the whole batch.
        shared: the encoder's trainable parameters.
        measured: False returns NaN for every key, at no cost.

    Returns:
        `gradnorm_<attribute>` and `gradcos_<attribute>_<attribute>`, scalars.
    """
    pairs = list(combinations(losses, 2))
    if not measured:
        missing = next(iter(losses.values())).new_tensor(torch.nan)
        return {f"gradnorm_{name}": missing for name in losses} | {f"gradcos_{a}_{b}": missing for a, b in pairs}
    gradients = {name: _flat_gradient(loss, shared) for name, loss in losses.items()}
    statistics = {f"gradnorm_{name}": gradient.norm() for name, gradient in gradients.items()}
    for first, second in pairs:
        cosine = nn.functional.cosine_similarity(gradients[first], gradients[second], dim=0)
        statistics[f"gradcos_{first}_{second}"] = cosine
    return statistics


def _flat_gradient(loss: Tensor, shared: Sequence[nn.Parameter]) -> Tensor:
    gradients = torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True)
    flat = [torch.zeros_like(p).flatten() if g is None else g.flatten() for g, p in zip(gradients, shared, strict=True)]
    return sum_over_ranks(torch.cat(flat))
