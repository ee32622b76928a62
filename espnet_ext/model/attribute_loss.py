"""The loss of one attribute: its objectives, each with a weight."""

from torch import Tensor, nn

from espnet_ext.config.attributes import AttributeConfig
from espnet_ext.model.objective import AbsObjective, build_objective
from espnet_ext.model.objective.abs_objective import mean_over


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

    def has_target(self, targets: Tensor) -> Tensor:
        """Mask (batch,) of rows of (batch, target_dim) without NaN and, with class labels, of a training class."""
        mask = ~targets.isnan().any(dim=1)
        return mask & (targets[:, 0] >= 0) if self.labels and self.labels.kind == "class" else mask

    def forward(
        self, embeddings: Tensor, targets: Tensor, sentences: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Compute the loss and the metric over the rows with a target.

        Args:
            embeddings: (batch, dim) of unit length.
            targets: (batch, target_dim); a row of NaN, or with the index of an unknown class, is a missing target.
            sentences: (batch, 1) sentence numbers, -1 where unknown.

        Returns:
            Mean loss and mean metric (zero without a metric, both zero without such rows), and number of the rows.
        """
        mask = self.has_target(targets)
        targets = targets.masked_fill(~mask[:, None], 0.0)
        losses = [
            weight * term(embeddings, targets, mask, sentences if self.of_text and term.needs_sentences else None)
            for weight, term in zip(self.weights, self, strict=True)
        ]
        measured = embeddings.new_zeros(())
        if self.measured is not None:
            measured = mean_over(self.measured.measure(embeddings, targets).detach(), mask)
        return sum(losses[1:], losses[0]), measured, mask.sum()
