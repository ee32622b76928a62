"""Systems that are evaluated: their embeddings and the outputs of their own classifiers."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import kaldiio
import numpy as np

from espnet_ext.config.attributes import AttributeConfig
from espnet_ext.config.labels import LabelSpace
from espnet_ext.kaldi.scp import read_scp
from espnet_ext.utils.errors import UserError

# Names are folders of scores, nested in the case of `sem+spk/heads`.
NAME = re.compile(r"[\w+-][\w.+-]*(/[\w+-][\w.+-]*)*")


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


@dataclass(frozen=True)
class System:
    """Embeddings under `<root>/<set>/<attribute>.scp`; a missing one is an error."""

    name: str
    root: Path

    def scp(self, set_name: str, attribute: str) -> Path:
        """File that lists the embeddings of a set."""
        return self.root / set_name / f"{attribute}.scp"

    def attributes(self, attributes: Mapping[str, AttributeConfig], set_names: Sequence[str]) -> list[str]:
        """Attributes with a file in one of the sets: a single-task system has only its own attribute.

        Raises:
            UserError: there is no such attribute.
        """
        own = [name for name in attributes if any(self.scp(one, name).is_file() for one in set_names)]
        if not own:
            raise UserError(
                f"{self.root}: no <set>/<attribute>.scp for the sets {', '.join(set_names)}; "
                f"run the extraction stage of system {self.name} first"
            )
        return own

    def embeddings(self, set_name: str, attribute: str, utterances: Sequence[str]) -> Vectors:
        """Vectors of a set's utterances, in their order; errors: see `read_embeddings`."""
        return read_embeddings(self.scp(set_name, attribute), utterances)

    def outputs(self, set_name: str, attribute: str, utterances: Sequence[str]) -> ClassifierOutputs | None:
        """Outputs of the attribute's own classifier for all utterances; None without a classifier."""
        return read_outputs(self.root / set_name, attribute, utterances)


class TeacherSystem(System):
    """The teachers' own vectors, an upper bound for students: `<dump>/<set>/target_<attribute>.scp`.

    Utterances without a target (for instance, without a transcript) are skipped.
    """

    def scp(self, set_name: str, attribute: str) -> Path:
        """File that lists the targets of a set."""
        return self.root / set_name / f"target_{attribute}.scp"

    def attributes(self, attributes: Mapping[str, AttributeConfig], set_names: Sequence[str]) -> list[str]:
        """Attributes with a teacher and with targets in one of the sets; may be empty."""
        taught = [name for name, entry in attributes.items() if entry.target.teacher]
        return [name for name in taught if any(self.scp(one, name).is_file() for one in set_names)]

    def embeddings(self, set_name: str, attribute: str, utterances: Sequence[str]) -> Vectors:
        """Read the targets; see `read_targets`."""
        return read_targets(self.scp(set_name, attribute), utterances)

    def outputs(self, set_name: str, attribute: str, utterances: Sequence[str]) -> None:
        """None: teachers only embed."""


def parse_system(option: str) -> System:
    """Read `NAME=EMBEDDINGS_ROOT`.

    Raises:
        UserError: another form, or a name that cannot be a folder name.
    """
    name, equals, root = option.partition("=")
    if not equals or not root:
        raise UserError(f"--system {option}: expected NAME=EMBEDDINGS_ROOT")
    if not NAME.fullmatch(name):
        raise UserError(f"--system {option}: a name consists of letters, digits and any of . _ + - /")
    return System(name, Path(root))
