"""Inputs of the evaluation on disk: embeddings, teacher targets, classifier outputs, labels."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import kaldiio
import numpy as np

from espnet_ext.config.labels import LabelSpace
from espnet_ext.data.data_dir import DataDir, read_scp
from espnet_ext.data.label_targets import UNDETERMINED
from espnet_ext.errors import UserError


@dataclass(frozen=True)
class Vectors:
    """Vectors of utterances in one array: names (n,) ids, rows (n, dim) as stored."""

    names: list[str]
    rows: np.ndarray


def read_embeddings(scp: Path, utterances: Sequence[str]) -> Vectors:
    """Read the vectors of `utterances`, in their order.

    Raises:
        UserError: no scp file, an utterance that it does not list, or vectors of different sizes.
    """
    if not scp.is_file():
        raise UserError(f"{scp}: no such embeddings; run the extraction stage for this set first")
    specs = read_scp(scp)
    for utterance in utterances:
        if utterance not in specs:
            raise UserError(f"{scp}: no embedding of utterance {utterance}; extract the set again")
    return _load(scp, {utterance: specs[utterance] for utterance in utterances})


def read_targets(scp: Path, utterances: Iterable[str]) -> Vectors:
    """Read teacher targets of those `utterances` that have one (are listed, and not as `None`).

    An absent file means that the set has no such targets: the result is empty.
    """
    specs = read_scp(scp) if scp.is_file() else {}
    with_target = (utterance for utterance in utterances if specs.get(utterance, "None") != "None")
    return _load(scp, {utterance: specs[utterance] for utterance in with_target})


def _load(scp: Path, specs: Mapping[str, str]) -> Vectors:
    rows = np.empty((0, 0))
    files: dict = {}  # of kaldiio, which opens each archive once
    try:
        for i, (utterance, spec) in enumerate(specs.items()):
            try:
                vector = np.asarray(kaldiio.load_mat(spec, fd_dict=files))
            except Exception as error:  # kaldiio raises various errors, including AssertionError
                raise UserError(
                    f"{scp}: the vector of {utterance} ({spec}) cannot be read: {error}; make it again"
                ) from None
            if i == 0:
                rows = np.empty((len(specs), vector.size), vector.dtype)
            if vector.shape != rows.shape[1:]:
                raise UserError(
                    f"{scp}: the vector of {utterance} has shape {vector.shape}, others {rows.shape[1:]}; make it again"
                )
            rows[i] = vector
    finally:
        for file in files.values():
            file.close()
    return Vectors(list(specs), rows)


class ClassifierOutputs(NamedTuple):
    """Outputs of an attribute's own classifier or regression.

    Attributes:
        rows: (n, classes) logits in the order of the classes, or (n, 1) numbers in the label's unit.
        space: labels of the training set.
    """

    rows: np.ndarray
    space: LabelSpace


def read_outputs(folder: Path, attribute: str, utterances: Sequence[str]) -> ClassifierOutputs | None:
    """Read `<attribute>.logits.scp` and `<attribute>.classes.json`; None if the model has no such classifier.

    Raises:
        UserError: an utterance without outputs, outputs that are not finite, or a broken list of classes.
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
        raise UserError(f"{scp}: {rows.shape[1]} outputs, but {width} in {description.name}; extract the set again")
    broken = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(broken):
        raise UserError(f"{scp}: the outputs of {utterances[broken[0]]} contain NaN or infinity; extract the set again")
    return ClassifierOutputs(rows, space)


class Labels(NamedTuple):
    """Labeled utterances of a set, (n,) each, sorted by utterance.

    Attributes:
        names: utterance ids.
        values: labels, as written.
        num_missing: number of utterances of the set without a label.
    """

    names: np.ndarray
    values: np.ndarray
    num_missing: int

    def take(self, rows: np.ndarray) -> "Labels":
        """Selected rows."""
        return self._replace(names=self.names[rows], values=self.values[rows])


def read_labels(dump: Path, file: str) -> Labels:
    """Read `<dump>/<file>`, such as `utt2lang`; empty if it is absent. `und` means that there is no label."""
    data = DataDir(dump)
    labels = {name: label for name, label in (data.read(file) or {}).items() if label != UNDETERMINED}
    names = sorted(labels)
    values = [labels[name] for name in names]
    num_utterances = len(data.read("utt2spk") or names)
    return Labels(np.array(names, dtype=str), np.array(values, dtype=str), num_utterances - len(names))


def read_groups(dump: Path, file: str, names: np.ndarray) -> np.ndarray:
    """Value of each utterance, (n,), in `utt2spk` or `utt2sent`; the utterance id where it is not known."""
    known = DataDir(dump).read(file) or {}
    return np.array([known.get(name, name) for name in names.tolist()], dtype=str)
