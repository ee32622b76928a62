"""Cross-entropy of classes: the base class of classifiers, and a linear one."""

import torch
from torch import Tensor, nn

from espnet_ext.config.labels import LabelSpace
from espnet_ext.model.objective.abs_objective import AbsObjective, mean_over
from espnet_ext.utils.errors import UserError

CLASS_WEIGHTS = ("none", "balanced")


class ClassObjective(AbsObjective):
    """Cross-entropy of classes.

    Args:
        dim: of the embeddings.
        labels: the training set's classes.
        class_weights: "balanced" weights an utterance by utterances / (classes * utterances of its class), so
            that rare classes count as much as frequent ones and the mean weight over the training set is 1.
    """

    takes = ("class",)
    metric = "acc"
    has_weights = True

    def __init__(self, dim: int, labels: LabelSpace, class_weights: str = "none") -> None:
        super().__init__()
        if class_weights not in CLASS_WEIGHTS:
            raise UserError(f"class_weights {class_weights!r} is unknown; legal: {', '.join(CLASS_WEIGHTS)}")
        counts = torch.tensor(list(labels.classes.values()), dtype=torch.float64)
        balanced = counts.sum() / (len(counts) * counts)
        weights = balanced if class_weights == "balanced" else torch.ones_like(counts)
        # They follow from the description of the model.
        self.register_buffer("class_weights", weights.float(), persistent=False)

    def measure(self, embeddings: Tensor, targets: Tensor) -> Tensor:
        """1 where the predicted class is correct, 0 elsewhere."""
        return (self.predict(embeddings).argmax(dim=1) == targets[:, 0]).to(embeddings)

    def cross_entropy(self, logits: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        """Weighted cross-entropy of (batch, classes) logits, mean over the rows with a target."""
        indices = targets[:, 0].long()
        losses = nn.functional.cross_entropy(logits, indices, reduction="none")
        return mean_over(self.class_weights[indices] * losses, mask)


class SoftmaxObjective(ClassObjective):
    """Cross-entropy of a linear layer's logits.

    Args:
        dim, labels, class_weights: see `ClassObjective`.
    """

    def __init__(self, dim: int, labels: LabelSpace, class_weights: str = "none") -> None:
        super().__init__(dim, labels, class_weights)
        self.classifier = nn.Linear(dim, len(labels.classes))

    def predict(self, embeddings: Tensor) -> Tensor:
        """See `AbsObjective.predict`."""
        return self.classifier(embeddings)

    def forward(self, embeddings: Tensor, targets: Tensor, mask: Tensor, sentences: Tensor | None = None) -> Tensor:
        """See `AbsObjective.forward`."""
        return self.cross_entropy(self.predict(embeddings), targets, mask)
