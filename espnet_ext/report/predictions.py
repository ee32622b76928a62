"""What a model's own classifier (or regression) says of a set: <attribute>.logits.scp and <attribute>.classes.json."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from espnet_ext.config.labels import LabelSpace
from espnet_ext.report.inputs import read_embeddings
from espnet_ext.utils.errors import UserError


class Predictions(NamedTuple):
    """Outputs for utterances, in their order.

    Attributes:
        rows: (n, classes) logits in the order of the classes; (n, 1) numbers in the label's unit.
        space: what the training set's labels were.
    """

    rows: np.ndarray
    space: LabelSpace


def read_predictions(folder: Path, attribute: str, utterances: Sequence[str]) -> Predictions | None:
    """Read them; None where the model has no classifier for this attribute.

    Raises:
        UserError: an utterance without outputs, outputs that are no numbers, or a broken list of classes.
    """
    scp, description = folder / f"{attribute}.logits.scp", folder / f"{attribute}.classes.json"
    if not scp.is_file():
        return None
    try:
        space = LabelSpace.from_json(json.loads(description.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{description}: cannot be read as classes: {error!r}; extract the set again") from None
    rows = read_embeddings(scp, utterances).rows
    width = len(space.classes) if space.kind == "class" else 1
    if rows.shape[1] != width:
        raise UserError(f"{scp}: {rows.shape[1]} outputs, but {description.name} says {width}; extract the set again")
    broken = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(broken):
        raise UserError(f"{scp}: the outputs of {utterances[broken[0]]} hold NaN or infinity; extract the set again")
    return Predictions(rows, space)
