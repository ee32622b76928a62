"""Objectives by name: what pulls an attribute's embedding towards its target."""

from espnet_ext.config.attributes import ObjectiveConfig
from espnet_ext.errors import UserError
from espnet_ext.utt.objective.abs_objective import AbsObjective
from espnet_ext.utt.objective.contrastive import ContrastiveObjective
from espnet_ext.utt.objective.cosine import CosineObjective

OBJECTIVES: dict[str, type[AbsObjective]] = {
    "cosine": CosineObjective,
    "contrastive": ContrastiveObjective,
}


def build_objective(config: ObjectiveConfig, where: str) -> AbsObjective:
    """Build one term of a loss; UserError lists the legal names, or says which option does not fit."""
    if config.name not in OBJECTIVES:
        raise UserError(f"{where}: objective {config.name!r} is unknown; legal: {', '.join(sorted(OBJECTIVES))}")
    try:
        return OBJECTIVES[config.name](**config.options)
    except TypeError as error:
        raise UserError(f"{where}: objective {config.name}: {error}") from error


__all__ = ["OBJECTIVES", "AbsObjective", "build_objective"]
