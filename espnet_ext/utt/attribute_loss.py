"""The loss of one attribute: its objectives, each with a weight."""

from torch import Tensor, nn

from espnet_ext.config.attributes import AttributeConfig
from espnet_ext.utt.objective import AbsObjective, build_objective
from espnet_ext.utt.objective.abs_objective import mean_over


class AttributeLoss(nn.ModuleList):
    """Weighted sum of an attribute's objectives.

    Args:
        config: the attribute's declaration, with its labels if it has any.
    """

    def __init__(self, config: AttributeConfig) -> None:
        where = f"attribute {config.name}"
        super().__init__(build_objective(term, where, config.head.dim, config.labels) for term in config.objectives)
        self.weights = [term.weight for term in config.objectives]
        self.labels = config.labels
        # With speech targets, equal sentences are still different speakers.
        self.of_text = config.target.source == "text"

    @property
    def measured(self) -> AbsObjective | None:
        """The first term with a metric, which is reported."""
        return next((term for term in self if term.metric), None)

    @property
    def classifier(self) -> AbsObjective | None:
        """The first term that predicts labels; None where targets are a teacher's."""
        return next((term for term in self if term.has_weights), None) if self.labels else None

    def present(self, targets: Tensor) -> Tensor:
        """Where there is a target, (batch,) bool: a row of (batch, target_dim) without NaN, and of a known class."""
        known = ~targets.isnan().any(dim=1)
        return known & (targets[:, 0] >= 0) if self.labels and self.labels.kind == "class" else known

    def forward(self, embeddings: Tensor, targets: Tensor, present: Tensor, sentences: Tensor | None = None) -> Tensor:
        """Mean loss over the rows that are present, zero when none is.

        Args:
            embeddings: (batch, dim) of unit length.
            targets: (batch, target_dim); rows that are not present may hold anything.
            present: (batch,) bool.
            sentences: (batch, 1) sentence numbers, -1 where unknown.
        """
        targets = targets.masked_fill(~present[:, None], 0.0)
        losses = [
            weight * term(embeddings, targets, present, sentences if self.of_text and term.needs_sentences else None)
            for weight, term in zip(self.weights, self, strict=True)
        ]
        return sum(losses[1:], losses[0])

    def measure(self, embeddings: Tensor, targets: Tensor, present: Tensor) -> Tensor:
        """Mean of the metric over the rows that are present; zero when none is, or there is no metric."""
        if self.measured is None:
            return embeddings.new_zeros(())
        targets = targets.masked_fill(~present[:, None], 0.0)
        return mean_over(self.measured.measure(embeddings, targets).detach(), present)
