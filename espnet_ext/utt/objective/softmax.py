"""Softmax: a linear classifier on the embedding."""

from torch import Tensor, nn

from espnet_ext.config.labels import LabelSpace
from espnet_ext.utt.objective.class_objective import ClassObjective


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

    def forward(self, embeddings: Tensor, targets: Tensor, present: Tensor, sentences: Tensor | None = None) -> Tensor:
        """See `AbsObjective.forward`."""
        return self.cross_entropy(self.predict(embeddings), targets, present)
