"""Contrastive distillation: identify the utterance's target among many others."""

import torch
from torch import Tensor, nn

from espnet_ext.model.distributed import gather_rows
from espnet_ext.model.objective.abs_objective import AbsObjective, mean_over, same_sentence
from espnet_ext.utils.errors import UserError


class ContrastiveObjective(AbsObjective):
    """InfoNCE (van den Oord et al., 2018, arXiv 1807.03748) of embeddings against targets.

    An utterance's own target is the positive. The negatives are the other targets of the batch (of the whole batch,
    where processes share it), or a queue of targets of the whole training set, which makes the task as hard in a
    small batch as in a large one.
    Targets of the same meaning are not negatives: the same sentence (`utt2sent`) in any language, where targets are of
    texts, and targets that are nearly equal to the positive (another recording, a paraphrase).

    Args:
        temperature: divides the cosines.
        same_above: a target whose cosine to the positive is above this is not a negative; below 1, which excludes the
            positive itself.
        queue_size: maximum number of targets in the queue; 0 = the targets of the batch.
    """

    needs_sentences = True

    def __init__(self, temperature: float = 0.05, same_above: float = 0.9, queue_size: int = 0) -> None:
        super().__init__()
        if not (temperature > 0 and same_above < 1):
            raise UserError(f"needs temperature > 0 and same_above < 1, found {temperature} and {same_above}")
        if type(queue_size) is not int or queue_size < 0:
            raise UserError(f"queue_size must be a whole number from 0, found {queue_size!r}")
        self.temperature = temperature
        self.same_above = same_above
        self.queue_size = queue_size
        # Filled before training (`fill_queues`); not part of the trained model.
        self.register_buffer("queue", None, persistent=False)
        self.register_buffer("queue_sentences", None, persistent=False)

    def forward(self, embeddings: Tensor, targets: Tensor, mask: Tensor, sentences: Tensor | None = None) -> Tensor:
        """See `AbsObjective.forward`."""
        if self.queue_size:
            others, other_sentences = self.queue, self.queue_sentences
            others_mask = torch.ones(len(others), dtype=torch.bool, device=targets.device)
        else:
            others = gather_rows(targets)
            others_mask = others.any(dim=1)
            other_sentences = None if sentences is None else gather_rows(sentences)
        negative = (targets @ others.T <= self.same_above) & others_mask
        if sentences is not None and other_sentences is not None:
            negative &= ~same_sentence(sentences, other_sentences)
        own = (embeddings * targets).sum(dim=1, keepdim=True)
        negatives = (embeddings @ others.T).masked_fill(~negative, -torch.inf)
        logits = torch.cat([own, negatives], dim=1) / self.temperature
        return mean_over(-nn.functional.log_softmax(logits, dim=1)[:, 0], mask)
