"""Regression: a number, such as an age, from the embedding."""

from torch import Tensor, nn

from espnet_ext.config.labels import LabelSpace
from espnet_ext.model.objective.abs_objective import AbsObjective, mean_over
from espnet_ext.utils.errors import UserError

LOSSES = ("huber", "mse")


class RegressionObjective(AbsObjective):
    """Distance between a linear layer's output and the number, in standard deviations of the training set.

    Args:
        dim: of the embeddings.
        labels: mean and standard deviation of the training set.
        loss: "huber" (quadratic up to `delta`, linear beyond: a wrong label does not rule a batch) or "mse".
        delta: in standard deviations.
    """

    takes = ("number",)
    metric = "mae"
    has_weights = True

    def __init__(self, dim: int, labels: LabelSpace, loss: str = "huber", delta: float = 1.0) -> None:
        super().__init__()
        if loss not in LOSSES or not delta > 0:
            raise UserError(f"needs a loss of {', '.join(LOSSES)} and delta > 0, found {loss!r} and {delta}")
        self.line = nn.Linear(dim, 1)
        self.mean, self.std = labels.mean, labels.std
        self.loss, self.delta = loss, delta

    def predict(self, embeddings: Tensor) -> Tensor:
        """See `AbsObjective.predict`."""
        return self.line(embeddings) * self.std + self.mean

    def measure(self, embeddings: Tensor, targets: Tensor) -> Tensor:
        """Absolute error, in the label's own unit."""
        return (self.predict(embeddings) - targets)[:, 0].abs()

    def forward(self, embeddings: Tensor, targets: Tensor, mask: Tensor, sentences: Tensor | None = None) -> Tensor:
        """See `AbsObjective.forward`."""
        found, expected = self.line(embeddings), (targets - self.mean) / self.std
        if self.loss == "mse":
            losses = nn.functional.mse_loss(found, expected, reduction="none")
        else:
            losses = nn.functional.huber_loss(found, expected, reduction="none", delta=self.delta)
        return mean_over(losses[:, 0], mask)
