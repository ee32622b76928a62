"""What every objective offers, and how a batch with missing targets is reduced."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class AbsObjective(nn.Module, ABC):
    """A loss between embeddings and targets, of which any rows may be missing.

    Attributes:
        takes: kinds of targets it is for: "teacher" (unit vectors), "class" (indices) or "number".
        metric: what `measure` measures, the name of its mean in the statistics; None = nothing.
    """

    takes: tuple[str, ...] = ("teacher",)
    metric: str | None = "cos"

    @abstractmethod
    def forward(self, embeddings: Tensor, targets: Tensor, present: Tensor, sentences: Tensor | None = None) -> Tensor:
        """Compare embeddings with targets.

        Args:
            embeddings: (batch, dim) float32 of unit length.
            targets: (batch, target_dim) float32: a teacher's vectors of unit length and of `dim` entries, or one
                column of class indices or numbers; rows that are not present hold zeros.
            present: (batch,) bool, True where there is a target.
            sentences: (batch, 1) numbers of the sentences that are said, -1 where unknown; only of targets that follow
                from what is said.

        Returns:
            Scalar: mean over the rows that are present, zero (with a gradient of zero) when none is.
        """

    def measure(self, embeddings: Tensor, targets: Tensor) -> Tensor:
        """How near (batch, dim) embeddings are to their targets, (batch,): here the cosine."""
        return (embeddings * targets).sum(dim=1)


def same_sentence(sentences: Tensor, others: Tensor) -> Tensor:
    """Where (batch, 1) and (others, 1) sentences are known to be the same, (batch, others) bool."""
    return (sentences == others.T) & (others.T >= 0)


def mean_over(values: Tensor, present: Tensor) -> Tensor:
    """Mean of (batch,) `values` where (batch,) `present` is True; zero, not NaN, when that is nowhere."""
    # torch.where, not a product: a row without a target may hold anything, and 0 * NaN is NaN.
    return torch.where(present, values, 0.0).sum() / present.sum().clamp(min=1)
