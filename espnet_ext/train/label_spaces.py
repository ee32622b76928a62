"""The labels of a training set, read from its dump and given to what is built of them."""

import json
from pathlib import Path

from espnet_ext.config.attributes import LABELS, AttributeConfig
from espnet_ext.config.labels import LabelSpace
from espnet_ext.utils.errors import UserError


def with_labels(attribute: AttributeConfig, target_scp: Path) -> AttributeConfig:
    """An attribute's declaration with the labels of its training set, if it learns from labels.

    Args:
        attribute: its declaration.
        target_scp: target_<attribute>.scp of the training set.
    """
    if not attribute.target.labels:
        return attribute
    return attribute.model_copy(update={"labels": read_label_space(attribute, target_scp.with_suffix(".json"))})


def read_label_space(attribute: AttributeConfig, description: Path) -> LabelSpace:
    """Labels of a set's targets.

    Raises:
        UserError: they are targets of a teacher, of other labels, or of another kind than is declared.
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
    """Check an attribute's labels before anything is built.

    Args:
        attribute: its declaration.
        train: JSON of the training set's targets.
        valid: likewise.

    Raises:
        UserError: nothing can be learnt from the training set's labels, or the two sets number them differently.
    """
    if not attribute.target.labels:
        return
    space, other = (read_label_space(attribute, path) for path in (train, valid))
    if fault := space.fault():
        raise UserError(
            f"{train}: {fault}: there is nothing to learn; give {attribute.name} other data, or leave it out"
        )
    if list(space.classes) != list(other.classes):
        differing = min(set(space.classes) ^ set(other.classes))
        raise UserError(
            f"{valid}: its classes are not those of {train} ({differing!r} is in one of them only): dump its targets "
            f"again, with --classes {train.parent}/classes_{attribute.name}.json"
        )
