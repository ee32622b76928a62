"""Objectives by name: what pulls an attribute's embedding towards its target, or its classes apart."""

from espnet_ext.config.attributes import ObjectiveConfig
from espnet_ext.config.labels import LabelSpace
from espnet_ext.config.validation import check_arguments
from espnet_ext.errors import UserError
from espnet_ext.utt.objective.aam_softmax import AamSoftmaxObjective
from espnet_ext.utt.objective.abs_objective import AbsObjective
from espnet_ext.utt.objective.class_objective import ClassObjective
from espnet_ext.utt.objective.contrastive import ContrastiveObjective
from espnet_ext.utt.objective.cosine import CosineObjective
from espnet_ext.utt.objective.regression import RegressionObjective
from espnet_ext.utt.objective.softmax import SoftmaxObjective
from espnet_ext.utt.objective.supervised_contrastive import SupervisedContrastiveObjective

OBJECTIVES: dict[str, type[AbsObjective]] = {
    "cosine": CosineObjective,
    "contrastive": ContrastiveObjective,
    "supervised_contrastive": SupervisedContrastiveObjective,
    "softmax": SoftmaxObjective,
    "aam_softmax": AamSoftmaxObjective,
    "regression": RegressionObjective,
}


def build_objective(
    config: ObjectiveConfig, where: str, dim: int | None = None, labels: LabelSpace | None = None
) -> AbsObjective:
    """Build one term of a loss.

    Args:
        config: its declaration.
        where: names the attribute in messages.
        dim: of the embeddings; for objectives with weights of their own.
        labels: of the training set; None where targets are a teacher's.

    Raises:
        UserError: an unknown name or option, or an objective for another kind of target, with the legal ones;
            labels of which nothing can be learnt.
    """
    if labels and labels.fault():
        raise UserError(f"{where}: {labels.fault()}: there is nothing to learn; give it other data, or leave it out")
    if config.name not in OBJECTIVES:
        raise UserError(f"{where}: objective {config.name!r} is unknown; legal: {', '.join(sorted(OBJECTIVES))}")
    cls = OBJECTIVES[config.name]
    kind = labels.kind if labels else "teacher"
    if kind not in cls.takes:
        legal = ", ".join(sorted(name for name, other in OBJECTIVES.items() if kind in other.takes))
        target = "a teacher's targets" if kind == "teacher" else f"labels of kind {kind}"
        raise UserError(f"{where}: objective {config.name} is not for {target}; legal: {legal}")
    check_arguments(cls, config.options, f"{where}: objective {config.name}", skip=("dim", "labels"))
    has_weights = issubclass(cls, (ClassObjective, RegressionObjective))
    try:
        return cls(dim, labels, **config.options) if has_weights else cls(**config.options)
    except (TypeError, UserError) as error:
        raise UserError(f"{where}: objective {config.name}: {error}") from error


__all__ = ["OBJECTIVES", "AbsObjective", "build_objective"]
