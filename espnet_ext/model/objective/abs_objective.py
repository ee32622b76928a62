"""Base class of objectives, and reductions over batches with missing targets."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class AbsObjective(nn.Module, ABC):
    """A loss between embeddings and targets; any row may be without a target.

    Attributes:
        takes: kinds of targets that it accepts: "teacher" (unit vectors), "class" (indices) or "number".
        metric: name of the result of `measure`; its mean is the statistic `<metric>_<attribute>`. None = no statistic.
        needs_sentences: `forward` compares the sentences of utterances (`utt2sent`), where targets are of texts.
        has_weights: the constructor takes the size of the embeddings and the label space (None with a teacher) before
            its options. With labels, the objective implements `predict`.
        queue_size: maximum number of training targets that `fill_queues` stores in the buffer `queue`, with their
            sentences in `queue_sentences`; 0 = no queue.
    """

    takes: tuple[str, ...] = ("teacher",)
    metric: str | None = "cos"
    needs_sentences: bool = False
    has_weights: bool = False
    queue_size: int = 0

    def __init__(self) -> None:
        # nn.Module takes *args and **kwargs, which would be checked as options of an objective without a constructor.
        super().__init__()

    @abstractmethod
    def forward(self, embeddings: Tensor, targets: Tensor, mask: Tensor, sentences: Tensor | None = None) -> Tensor:
        """Compare embeddings with targets.

        Args:
            embeddings: (batch, dim) float32 of unit length.
            targets: (batch, target_dim) float32: a teacher's vectors of unit length and of `dim` entries, or one
                column of class indices or numbers; rows without a target are zero.
            mask: (batch,) bool, True where there is a target.
            sentences: (batch, 1) sentence numbers, -1 where unknown; None without `needs_sentences` or where targets
                are not of texts.

        Returns:
            Scalar: mean over the rows with a target, zero (with a gradient of zero) without such rows.
        """

    def measure(self, embeddings: Tensor, targets: Tensor) -> Tensor:
        """Measure (batch, dim) embeddings against their targets, (batch,); here the cosine."""
        return (embeddings * targets).sum(dim=1)

    def predict(self, embeddings: Tensor) -> Tensor:
        """Predict labels from (batch, dim) embeddings: (batch, classes) logits, or (batch, 1) numbers in their unit."""
        raise NotImplementedError


def same_sentence(sentences: Tensor, others: Tensor) -> Tensor:
    """Mask (batch, others) bool of equal sentence numbers, from (batch, 1) and (others, 1); False where unknown."""
    return (sentences == others.T) & (others.T >= 0)


def mean_over(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of (batch,) `values` where the (batch,) `mask` is True; zero, not NaN, where it is False everywhere."""
    # torch.where, not a product: a row without a target may have any value, and 0 * NaN is NaN.
    return torch.where(mask, values, 0.0).sum() / mask.sum().clamp(min=1)
