"""Check that an evaluation set and the training set have no audio, speaker, sentence or text in common."""

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from espnet_ext.audio.waveform import AudioSource
from espnet_ext.kaldi import SHAREABLE
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.utils.errors import UserError

_FILES = {"speaker": "utt2spk", "sentence": "utt2sent", "text": "text"}
MAX_LISTED = 10  # overlaps in a message


def normalize_text(text: str) -> str:
    """Normalize a text for comparisons: NFKC, case folded, letters and digits only."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(c for c in folded if c.isalnum() or c.isspace()).split())


class Overlap(NamedTuple):
    """An utterance of the evaluation set and one of the training set with the same value of `kind`."""

    utterance: str
    kind: str
    value: str
    train_utterance: str

    def __str__(self) -> str:
        return (
            f"utterance {self.utterance!r} has the {self.kind} {self.value!r} of training "
            f"utterance {self.train_utterance!r}"
        )


def validate_split(train_dir: str | Path, eval_dir: str | Path, shared: Collection[str] = ()) -> None:
    """Check that no audio, speaker, sentence or text of the training set is in an evaluation set.

    Two sets may have segments of the same recording if the segments do not overlap.

    Args:
        shared: what the recipe allows to overlap: some of SHAREABLE. Texts are compared
            normalized, across languages as well.

    Raises:
        UserError: listing evaluation utterances and the training utterances that they collide with;
            ValueError for a name that cannot be shared.
    """
    if not set(shared) <= set(SHAREABLE):
        raise ValueError(f"shared {sorted(shared)}: expected some of {', '.join(SHAREABLE)}")
    train, evaluation = DataDir(train_dir), DataDir(eval_dir)
    overlaps = list(_find_overlaps(train, evaluation, shared))
    if overlaps:
        listed = "; ".join(map(str, overlaps[:MAX_LISTED]))
        more = f"; and {len(overlaps) - MAX_LISTED} more" if len(overlaps) > MAX_LISTED else ""
        raise UserError(
            f"{evaluation.path} overlaps with {train.path} in {len(overlaps)} places: {listed}{more}; "
            "leave one of each two out"
        )


def _find_overlaps(train: DataDir, evaluation: DataDir, shared: Collection[str]) -> Iterator[Overlap]:
    """Overlaps of two sets, at most one of each kind for an utterance."""
    yield from _shared_audio(train, evaluation)
    for kind, file in _FILES.items():
        if kind not in shared:
            of = _normalized if kind == "text" else dict
            yield from _shared_values(kind, of(train.read(file) or {}), of(evaluation.read(file) or {}))


def _shared_values(kind: str, in_train: Mapping[str, str], in_evaluation: Mapping[str, str]) -> Iterator[Overlap]:
    values = set(in_evaluation.values())
    owner = {value: utterance for utterance, value in in_train.items() if value in values}
    for utterance, value in in_evaluation.items():
        if value in owner:
            yield Overlap(utterance, kind, value, owner[value])


def _shared_audio(train: DataDir, evaluation: DataDir) -> Iterator[Overlap]:
    in_evaluation = evaluation.sources()
    paths = {source.path for source in in_evaluation.values()}
    in_train: dict[str, list[tuple[str, AudioSource]]] = {}
    for utterance, source in train.sources().items():
        if source.path in paths:
            in_train.setdefault(source.path, []).append((utterance, source))
    for utterance, source in in_evaluation.items():
        owners = (owner for owner, other in in_train.get(source.path, []) if source.overlaps(other))
        if owner := next(owners, None):
            yield Overlap(utterance, "audio file", source.path, owner)


def _normalized(text: Mapping[str, str]) -> dict[str, str]:
    """Utterance -> normalized text, without texts that have no letters or digits."""
    return {utterance: same for utterance, value in text.items() if (same := normalize_text(value))}
