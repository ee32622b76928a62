"""Base class of objectives, and reductions over batches with missing targets."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class AbsObjective(nn.Module, ABC):
    """A loss between embeddings and targets; any row may be without a target.

    Attributes:
        takes: kinds of targets that it accepts: "teacher" (unit vectors), "class" (indices) or "number".
        metric: name of what `measure` returns; its mean is the statistic `<metric>_<attribute>`. None = no statistic.
        needs_sentences: `forward` compares the sentences of utterances (`utt2sent`), where targets are of texts.
        has_weights: the constructor takes the size of the embeddings and the label space (None with a teacher) before
            its options. With labels, the objective implements `predict`.
        bank_size: maximum number of training targets that `fill_banks` stores in the buffer `bank`, and their sentences
            in `bank_sentences`; 0 = no bank.
    """

    takes: tuple[str, ...] = ("teacher",)
    metric: str | None = "cos"
    needs_sentences: bool = False
    has_weights: bool = False
    bank_size: int = 0

    def __init__(self) -> None:
        # nn.Module takes *args and **kwargs, which would be checked as options of an objective without a constructor.
        super().__init__()

    @abstractmethod
    def forward(self, embeddings: Tensor, targets: Tensor, present: Tensor, sentences: Tensor | None = None) -> Tensor:
        """Compare embeddings with targets.

        Args:
            embeddings: (batch, dim) float32 of unit length.
            targets: (batch, target_dim) float32: a teacher's vectors of unit length and of `dim` entries, or one
                column of class indices or numbers; rows that are not present hold zeros.
            present: (batch,) bool, True where there is a target.
            sentences: (batch, 1) sentence numbers, -1 where unknown; None without `needs_sentences` or where targets
                are not of texts.

        Returns:
            Scalar: mean over the rows that are present, zero (with a gradient of zero) when none is.
        """

    def measure(self, embeddings: Tensor, targets: Tensor) -> Tensor:
        """Measure (batch, dim) embeddings against their targets, (batch,); here the cosine."""
        return (embeddings * targets).sum(dim=1)

    def predict(self, embeddings: Tensor) -> Tensor:
        """Predict labels from (batch, dim) embeddings: (batch, classes) logits, or (batch, 1) numbers in their unit."""
        raise NotImplementedError


def same_sentence(sentences: Tensor, others: Tensor) -> Tensor:
    """Where (batch, 1) and (others, 1) sentences are known to be the same, (batch, others) bool."""
    return (sentences == others.T) & (others.T >= 0)


def mean_over(values: Tensor, present: Tensor) -> Tensor:
    """Mean of (batch,) `values` where (batch,) `present` is True; zero, not NaN, when that is nowhere."""
    # torch.where, not a product: a row without a target may hold anything, and 0 * NaN is NaN.
    return torch.where(present, values, 0.0).sum() / present.sum().clamp(min=1)
