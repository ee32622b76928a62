"""Cosine distillation: the paper's loss."""

from torch import Tensor

from espnet_ext.model.objective.abs_objective import AbsObjective, mean_over
from espnet_ext.utils.errors import UserError


class CosineObjective(AbsObjective):
    """scale * (1 - cos(student, teacher)), mean over utterances (arXiv 2603.08312; SENSE uses scale 50).

    The paper's loss is the sum over the batch. The model multiplies this mean by the rows it is of and divides by
    `nominal_batch`: with scale 50 and a nominal batch of 1, the paper's loss exactly.
    """

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        if not scale > 0:
            raise UserError(f"scale must be above 0, found {scale}")
        self.scale = scale

    def forward(self, embeddings: Tensor, targets: Tensor, mask: Tensor, sentences: Tensor | None = None) -> Tensor:
        """See `AbsObjective.forward`."""
        return self.scale * mean_over(1.0 - (embeddings * targets).sum(dim=-1), mask)
