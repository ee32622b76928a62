"""Contrastive distillation: find one's own target among those of the batch."""

import torch
from torch import Tensor, nn

from espnet_ext.utt.objective.abs_objective import AbsObjective, mean_over


class ContrastiveObjective(AbsObjective):
    """InfoNCE (van den Oord et al., 2018, arXiv 1807.03748) of embeddings against the batch's targets.

    An utterance's own target is the positive; the other targets of the batch are negatives, except those
    that mean nearly the same (a recording of the same sentence, or a paraphrase).

    Args:
        temperature: divides the cosines.
        same_above: targets with a mutual cosine above this are not each other's negatives.
    """

    def __init__(self, temperature: float = 0.05, same_above: float = 0.9) -> None:
        super().__init__()
        self.temperature = temperature
        self.same_above = same_above

    def forward(self, embeddings: Tensor, targets: Tensor, present: Tensor) -> Tensor:
        """See `AbsObjective.forward`."""
        own = torch.eye(len(targets), dtype=torch.bool, device=targets.device)
        negative = (targets @ targets.T <= self.same_above) & present[None, :]
        logits = embeddings @ targets.T / self.temperature
        logits = logits.masked_fill(~(negative | own), -torch.inf)
        return mean_over(-nn.functional.log_softmax(logits, dim=1).diagonal(), present)
