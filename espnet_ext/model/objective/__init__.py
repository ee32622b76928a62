"""Objectives by name."""

from collections.abc import Callable

from espnet_ext.config.attributes import AttributeConfig, ObjectiveConfig
from espnet_ext.config.labels import LabelSpace
from espnet_ext.config.validation import check_arguments
from espnet_ext.model.objective.aam_softmax import AamSoftmaxObjective
from espnet_ext.model.objective.abs_objective import AbsObjective
from espnet_ext.model.objective.contrastive import ContrastiveObjective
from espnet_ext.model.objective.cosine import CosineObjective
from espnet_ext.model.objective.regression import RegressionObjective
from espnet_ext.model.objective.softmax import SoftmaxObjective
from espnet_ext.model.objective.supervised_contrastive import SupervisedContrastiveObjective
from espnet_ext.utils.errors import UserError

OBJECTIVES: dict[str, type[AbsObjective]] = {
    "cosine": CosineObjective,
    "contrastive": ContrastiveObjective,
    "supervised_contrastive": SupervisedContrastiveObjective,
    "softmax": SoftmaxObjective,
    "aam_softmax": AamSoftmaxObjective,
    "regression": RegressionObjective,
}
# Former name of an objective's option -> its name.
RENAMED_OPTIONS = {"bank_size": "queue_size"}


def build_objective(
    config: ObjectiveConfig, where: str, dim: int | None = None, labels: LabelSpace | None = None
) -> AbsObjective:
    """Build one term of a loss.

    Args:
        config: the term's declaration.
        where: the attribute, for messages.
        dim: size of the embeddings; required by objectives with `has_weights`.
        labels: the training set's label space; None where targets are a teacher's.

    Raises:
        UserError: an unknown name or option, or an objective for another kind of target, with the legal ones;
            labels from which nothing can be learned.
    """
    if labels and labels.fault():
        raise UserError(
            f"{where}: {labels.fault()}: there is nothing to learn; use other data, or remove the attribute"
        )
    if config.name not in OBJECTIVES:
        raise UserError(f"{where}: objective {config.name!r} is unknown; legal: {', '.join(sorted(OBJECTIVES))}")
    cls = OBJECTIVES[config.name]
    for old in config.options.keys() & RENAMED_OPTIONS.keys():
        raise UserError(f"{where}: objective {config.name}: {old} is now called {RENAMED_OPTIONS[old]}: rename it")
    kind = labels.kind if labels else "teacher"
    if kind not in cls.takes:
        legal = ", ".join(sorted(name for name, other in OBJECTIVES.items() if kind in other.takes))
        target = "a teacher's targets" if kind == "teacher" else f"labels of kind {kind}"
        raise UserError(f"{where}: objective {config.name} is not for {target}; legal: {legal}")
    check_arguments(cls, config.options, f"{where}: objective {config.name}", skip=("dim", "labels"))
    try:
        build: Callable[..., AbsObjective] = cls
        return build(dim, labels, **config.options) if cls.has_weights else build(**config.options)
    except (TypeError, UserError) as error:
        raise UserError(f"{where}: objective {config.name}: {error}") from error


def needs_sentences(attribute: AttributeConfig) -> bool:
    """Check whether any objective of an attribute compares sentences; unknown names are left to `build_objective`."""
    declared = [OBJECTIVES[term.name] for term in attribute.objectives if term.name in OBJECTIVES]
    return attribute.target.source == "text" and any(cls.needs_sentences for cls in declared)


__all__ = ["OBJECTIVES", "RENAMED_OPTIONS", "AbsObjective", "build_objective", "needs_sentences"]
