"""Label spaces of training sets, read from their dump directories."""

import json
from pathlib import Path

from espnet_ext.config.attributes import LABELS, AttributeConfig
from espnet_ext.config.labels import LabelSpace
from espnet_ext.utils.errors import UserError


def with_labels(attribute: AttributeConfig, target_scp: Path) -> AttributeConfig:
    """Add the labels of the training set to the declaration of an attribute that learns from labels.

    Args:
        attribute: the declaration.
        target_scp: target_<attribute>.scp of the training set.
    """
    if not attribute.target.labels:
        return attribute
    return attribute.model_copy(update={"labels": read_label_space(attribute, target_scp.with_suffix(".json"))})


def read_label_space(attribute: AttributeConfig, description: Path) -> LabelSpace:
    """Label space of a set's targets.

    Raises:
        UserError: the targets come from a teacher, from other labels, or have another kind than the declaration.
    """
    found = json.loads(description.read_text(encoding="utf-8"))
    target = attribute.target
    if (found.get(LABELS), found.get("kind")) != (target.labels, target.kind):
        source = f"{found[LABELS]} ({found.get('kind')})" if LABELS in found else f"teacher {found.get('teacher')}"
        raise UserError(
            f"{description}: targets of {source}, but {attribute.name} is declared to learn from {target.labels} "
            f"({target.kind}): dump the targets again"
        )
    return LabelSpace.from_json(found)


def check_labels(attribute: AttributeConfig, train: Path, valid: Path) -> None:
    """Check an attribute's labels before the model is built.

    Args:
        attribute: the declaration.
        train: JSON file of the training set's targets.
        valid: JSON file of the validation set's targets.

    Raises:
        UserError: the training set's labels are too few to learn, or the two sets number them differently.
    """
    if not attribute.target.labels:
        return
    space, other = (read_label_space(attribute, path) for path in (train, valid))
    if fault := space.fault():
        raise UserError(
            f"{train}: {fault}: there is nothing to learn; choose other data for {attribute.name}, or leave it out"
        )
    if list(space.classes) != list(other.classes):
        differing = min(set(space.classes) ^ set(other.classes))
        raise UserError(
            f"{valid}: its classes are not those of {train} ({differing!r} is only in one of them): dump its targets "
            f"again, with --classes {train.parent}/classes_{attribute.name}.json"
        )
