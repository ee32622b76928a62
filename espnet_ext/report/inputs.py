"""What scoring reads from disk: embeddings and teacher targets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import kaldiio
import numpy as np

from espnet_ext.kaldi.scp import read_scp
from espnet_ext.utils.errors import UserError


@dataclass(frozen=True)
class Vectors:
    """Vectors of utterances in one array: names (n,) ids, rows (n, dim) as stored."""

    names: list[str]
    rows: np.ndarray


def read_embeddings(scp: Path, utterances: Sequence[str]) -> Vectors:
    """Read the vectors of `utterances`, in their order.

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


def read_targets(scp: Path, utterances: Iterable[str]) -> Vectors:
    """Read a teacher's vectors of those `utterances` that have a target (are listed, and not as `None`).

    An absent file means that this set has no such target: an empty result.
    """
    specs = read_scp(scp) if scp.is_file() else {}
    with_target = (utterance for utterance in utterances if specs.get(utterance, "None") != "None")
    return _load(scp, {utterance: specs[utterance] for utterance in with_target})


def _load(scp: Path, specs: Mapping[str, str]) -> Vectors:
    rows = np.empty((0, 0))
    files: dict = {}  # of kaldiio: each ark is opened once
    try:
        for i, (utterance, spec) in enumerate(specs.items()):
            try:
                vector = np.asarray(kaldiio.load_mat(spec, fd_dict=files))
            except Exception as error:  # kaldiio raises whatever its decoder met, AssertionError included
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
