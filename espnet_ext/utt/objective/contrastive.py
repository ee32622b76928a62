"""Contrastive distillation: find one's own target among many others."""

import torch
from torch import Tensor, nn

from espnet_ext.utils.errors import UserError
from espnet_ext.utt.objective.abs_objective import AbsObjective, mean_over, same_sentence
from espnet_ext.utt.ranks import gather_rows


class ContrastiveObjective(AbsObjective):
    """InfoNCE (van den Oord et al., 2018, arXiv 1807.03748) of embeddings against targets.

    An utterance's own target is the positive. The negatives are the other targets of the batch (of the whole batch,
    where processes share it), or a bank of targets of the whole training set, which makes the task as hard in a small
    batch as in a large one.
    What means the same is no negative: the same sentence (`utt2sent`), in any language, where targets are of texts,
    and targets that are nearly one's own (another recording, a paraphrase).

    Args:
        temperature: divides the cosines.
        same_above: a target whose cosine to one's own is above this is no negative; below 1, for one's own is none.
        bank_size: targets in the bank, at most; 0 = the batch's own targets.
    """

    needs_sentences = True

    def __init__(self, temperature: float = 0.05, same_above: float = 0.9, bank_size: int = 0) -> None:
        super().__init__()
        if not (temperature > 0 and same_above < 1):
            raise UserError(f"needs temperature > 0 and same_above < 1, found {temperature} and {same_above}")
        if type(bank_size) is not int or bank_size < 0:
            raise UserError(f"bank_size must be a whole number from 0, found {bank_size!r}")
        self.temperature = temperature
        self.same_above = same_above
        self.bank_size = bank_size
        # Filled before training (`fill_banks`); not part of the trained model.
        self.register_buffer("bank", None, persistent=False)
        self.register_buffer("bank_sentences", None, persistent=False)

    def forward(self, embeddings: Tensor, targets: Tensor, present: Tensor, sentences: Tensor | None = None) -> Tensor:
        """See `AbsObjective.forward`."""
        if self.bank_size:
            others, other_sentences = self.bank, self.bank_sentences
            usable = torch.ones(len(others), dtype=torch.bool, device=targets.device)
        else:
            others = gather_rows(targets)
            usable = others.any(dim=1)
            other_sentences = None if sentences is None else gather_rows(sentences)
        negative = (targets @ others.T <= self.same_above) & usable
        if sentences is not None and other_sentences is not None:
            negative &= ~same_sentence(sentences, other_sentences)
        own = (embeddings * targets).sum(dim=1, keepdim=True)
        negatives = (embeddings @ others.T).masked_fill(~negative, -torch.inf)
        logits = torch.cat([own, negatives], dim=1) / self.temperature
        return mean_over(-nn.functional.log_softmax(logits, dim=1)[:, 0], present)
