"""What scoring reads from disk: embeddings, teacher targets and trial lists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import kaldiio
import numpy as np

from espnet_ext.data.data_dir import read_scp
from espnet_ext.errors import UserError


@dataclass(frozen=True)
class TrialList:
    """One trial list: labels (trials,) bool, True for a target trial; utterance ids of both sides."""

    name: str
    labels: np.ndarray
    enrol: list[str]
    test: list[str]


def read_embeddings(scp: Path, utterances: Sequence[str]) -> dict[str, np.ndarray]:
    """Read the vectors (dim,) of `utterances`.

    Raises:
        UserError: no scp file, an utterance it does not list, or vectors of different sizes.
    """
    if not scp.is_file():
        raise UserError(f"{scp}: no such embeddings; run the extraction stage for this set first")
    specs = read_scp(scp)
    for utterance in utterances:
        if utterance not in specs:
            raise UserError(f"{scp}: no embedding of utterance {utterance}; extract the set again")
    return _load(scp, {utterance: specs[utterance] for utterance in utterances})


def read_targets(scp: Path) -> dict[str, np.ndarray]:
    """Read a teacher's vectors (dim,); utterances without a target (`None`) are not in the result.

    An absent file means that this set has no such target: an empty result.
    """
    if not scp.is_file():
        return {}
    return _load(scp, {utterance: spec for utterance, spec in read_scp(scp).items() if spec != "None"})


def _load(scp: Path, specs: Mapping[str, str]) -> dict[str, np.ndarray]:
    vectors: dict[str, np.ndarray] = {}
    files: dict = {}  # of kaldiio: each ark is opened once
    dim = None
    try:
        for utterance, spec in specs.items():
            try:
                vector = np.asarray(kaldiio.load_mat(spec, fd_dict=files))
            except Exception as error:  # kaldiio raises whatever its decoder met, AssertionError included
                raise UserError(
                    f"{scp}: the vector of {utterance} ({spec}) cannot be read: {error}; make it again"
                ) from None
            dim = dim or vector.shape
            if vector.ndim != 1 or vector.shape != dim:
                raise UserError(
                    f"{scp}: the vector of {utterance} has shape {vector.shape}, others {dim}; make it again"
                )
            vectors[utterance] = vector
    finally:
        for file in files.values():
            file.close()
    return vectors


def read_trials(path: Path, speakers: Mapping[str, str]) -> TrialList:
    """Read a trial list, lines of `1|0 enrol test`.

    Args:
        speakers: utterance -> speaker of the set.

    Raises:
        UserError: a line of another form, an unknown utterance, or no line; names the line.
    """
    labels, enrol, test = [], [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        fields = line.split()
        if len(fields) != 3 or fields[0] not in ("0", "1"):
            raise UserError(f"{path}:{number}: a trial is `1|0 enrol test`; found {line!r}")
        for utterance in fields[1:]:
            if utterance not in speakers:
                raise UserError(f"{path}:{number}: utterance {utterance} is not in utt2spk of this set")
        labels.append(fields[0] == "1")
        enrol.append(fields[1])
        test.append(fields[2])
    if not labels:
        raise UserError(f"{path}: holds no trials")
    return TrialList(path.name, np.array(labels), enrol, test)
