"""Supervised contrastive learning among the embeddings of a batch."""

import torch
from torch import Tensor

from espnet_ext.model.distributed import first_row, gather_rows
from espnet_ext.model.objective.abs_objective import AbsObjective, mean_over, same_sentence
from espnet_ext.utils.errors import UserError

# Not -inf: a row without any other to compare with must keep finite gradients.
NOTHING = -1e30


class SupervisedContrastiveObjective(AbsObjective):
    """Loss L_out of Khosla et al. (2020, arXiv 2004.11362), between students: no teacher's space is copied.

    Positives of an utterance are the others of the batch (of the whole batch, where processes share it) with its
    label, that contain the same sentence (`utt2sent`, with text targets), or whose targets are nearly equal. All
    others are negatives. An utterance without a positive in the batch adds nothing.

    Args:
        temperature: divides the cosines.
        same_above: cosine between a teacher's targets above which they are the same.
    """

    takes = ("class", "teacher")
    metric = None
    needs_sentences = True

    def __init__(self, temperature: float = 0.1, same_above: float = 0.9) -> None:
        super().__init__()
        if not (temperature > 0 and same_above < 1):
            raise UserError(f"needs temperature > 0 and same_above < 1, found {temperature} and {same_above}")
        self.temperature = temperature
        self.same_above = same_above

    def forward(self, embeddings: Tensor, targets: Tensor, mask: Tensor, sentences: Tensor | None = None) -> Tensor:
        """See `AbsObjective.forward`."""
        others = gather_rows(embeddings)
        facts = gather_rows(torch.cat([targets, mask[:, None].to(targets)], dim=1))
        other_targets, others_mask = facts[:, :-1], facts[:, -1] > 0
        rows = torch.arange(len(embeddings), device=embeddings.device) + first_row(embeddings)
        compared = others_mask & (torch.arange(len(others), device=rows.device) != rows[:, None])
        same = self._same(targets, other_targets)
        if sentences is not None:
            same |= same_sentence(sentences, gather_rows(sentences))
        positive = compared & same
        logits = (embeddings @ others.T / self.temperature).masked_fill(~compared, NOTHING)
        log_shares = logits.log_softmax(dim=1).masked_fill(~positive, 0.0)
        return mean_over(-log_shares.sum(dim=1) / positive.sum(dim=1).clamp(min=1), mask)

    def _same(self, targets: Tensor, others: Tensor) -> Tensor:
        """(batch, others) bool."""
        if targets.shape[1] == 1:
            return targets == others.T
        return targets @ others.T > self.same_above
