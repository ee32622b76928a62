"""Ids, lengths, languages and corpora of utterances as arrays, for the samplers."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from espnet_ext.kaldi.scp import iter_scp
from espnet_ext.model.encoder import AbsSpeechEncoder
from espnet_ext.utils.errors import UserError


class Labels(NamedTuple):
    """One label for each utterance.

    Attributes:
        names: the different labels, sorted.
        codes: (utterances,) index of each utterance's label.
    """

    names: list[str]
    codes: np.ndarray


@dataclass(frozen=True)
class UtteranceTable:
    """A set of utterances. A million utterances take about 60 MB, which forked data loaders share.

    Attributes:
        ids: (utterances,) UTF-8, sorted.
        num_samples: (utterances,) int64.
        languages: language of each.
        corpora: corpus of each.
    """

    ids: np.ndarray
    num_samples: np.ndarray
    languages: Labels
    corpora: Labels

    def keep(self, kept: np.ndarray) -> "UtteranceTable":
        """The utterances where (utterances,) `kept` is True; languages and corpora keep their names."""
        languages, corpora = (Labels(part.names, part.codes[kept]) for part in (self.languages, self.corpora))
        return UtteranceTable(self.ids[kept], self.num_samples[kept], languages, corpora)

    def names(self, indices: np.ndarray) -> tuple[str, ...]:
        """Ids of some of the utterances."""
        return tuple(name.decode() for name in self.ids[indices].tolist())


def read_table(dump: Path) -> UtteranceTable:
    """Read utt2num_samples, utt2lang and, where the set is several corpora, utt2corpus of a dump directory.

    Raises:
        UserError: the files do not list the same utterances, or one is damaged.
    """
    ids: list[bytes] = []
    num_samples: list[int] = []
    for utterance, value in iter_scp(dump / "utt2num_samples"):
        ids.append(utterance.encode())
        num_samples.append(int(value))
    if not ids:
        raise UserError(f"{dump}/utt2num_samples: no utterances")
    corpora = dump / "utt2corpus"
    return UtteranceTable(
        np.array(ids),
        np.array(num_samples),
        as_labels(_column(dump / "utt2lang", ids)),
        as_labels(_column(corpora, ids) if corpora.exists() else [dump.name] * len(ids)),
    )


def with_targets(table: UtteranceTable, target_scps: Sequence[Path]) -> UtteranceTable:
    """Remove the corpora without any target of the trained attributes.

    Args:
        table: the utterances.
        target_scps: target_<attribute>.scp of each attribute that is trained.

    Raises:
        UserError: no corpus has a target.
    """
    if len(table.corpora.names) == 1:
        return table
    ids = table.ids.tolist()
    useful = np.zeros(len(ids), dtype=bool)
    for scp in target_scps:
        useful |= np.fromiter((entry != "None" for entry in _column(scp, ids)), dtype=bool, count=len(ids))
    num_useful = np.bincount(table.corpora.codes, weights=useful, minlength=len(table.corpora.names))
    if not num_useful.any():
        raise UserError(f"{target_scps[0]}: no utterance has a target of the trained attributes; run stage 2 again")
    for name in np.array(table.corpora.names)[num_useful == 0]:
        logging.warning(f"{name} is left out: it has no target of the trained attributes")
    return table.keep(num_useful[table.corpora.codes] > 0)


def check_lengths(table: UtteranceTable, encoder: AbsSpeechEncoder) -> None:
    """Raise UserError with the first utterance that is too short or too long for an encoder.

    Args:
        table: the utterances.
        encoder: its limits. An utterance that is too short has no frame, and its loss is NaN.
    """
    num_samples = table.num_samples
    unfit = np.flatnonzero((num_samples < encoder.min_samples) | (num_samples > encoder.max_samples))
    if len(unfit):
        (name,) = table.names(unfit[:1])
        raise UserError(
            f"utterance {name} has {num_samples[unfit[0]]} samples; the encoder takes {encoder.min_samples} to "
            f"{encoder.max_samples} at once ({len(unfit)} of {len(num_samples)} "
            "utterances do not fit): set --min_duration_s or --max_duration_s of stage 2"
        )


def as_labels(values: Iterable[str]) -> Labels:
    """Encode the labels of utterances as indices."""
    codes: dict[str, int] = {}
    coded = np.array([codes.setdefault(value, len(codes)) for value in values], dtype=np.int32)
    names = sorted(codes)
    ranks = np.empty(len(names), dtype=np.int32)
    ranks[[codes[name] for name in names]] = np.arange(len(names))
    return Labels(names, ranks[coded])


def _column(path: Path, ids: list[bytes]) -> Iterator[str]:
    """Values of a file that must list exactly these utterances."""
    lines = iter_scp(path)
    for utterance in ids:
        key, value = next(lines, ("", ""))
        if key.encode() != utterance:
            raise UserError(f"{path}: differs from utt2num_samples at {utterance.decode()}; run stage 2 again")
        yield value
