"""What a training set and an evaluation set have in common."""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from espnet_ext.audio.waveform import AudioSource
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.overlap import normalize_text


class Overlap(NamedTuple):
    """One utterance of the evaluation set, and one of the training set that has the same `what`."""

    utterance: str
    what: str
    value: str
    train_utterance: str

    def __str__(self) -> str:
        return (
            f"utterance {self.utterance!r} has the {self.what} {self.value!r} of training "
            f"utterance {self.train_utterance!r}"
        )


def find_overlaps(train: DataDir, evaluation: DataDir, shared: Collection[str] = ()) -> Iterator[Overlap]:
    """Audio, speakers, sentences and texts of `evaluation` that are in `train` too, an utterance at most once a kind.

    Args:
        shared: what the recipe allows to overlap: some of SHAREABLE. Texts are compared
            normalised, across languages as well.
    """
    yield from _shared_audio(train, evaluation)
    for what, name in (("speaker", "utt2spk"), ("sentence", "utt2sent"), ("text", "text")):
        if what not in shared:
            of = _normalised if what == "text" else dict
            yield from _shared_values(what, of(train.read(name) or {}), of(evaluation.read(name) or {}))


def _shared_values(what: str, in_train: Mapping[str, str], in_evaluation: Mapping[str, str]) -> Iterator[Overlap]:
    wanted = set(in_evaluation.values())
    owner = {value: utterance for utterance, value in in_train.items() if value in wanted}
    for utterance, value in in_evaluation.items():
        if value in owner:
            yield Overlap(utterance, what, value, owner[value])


def _shared_audio(train: DataDir, evaluation: DataDir) -> Iterator[Overlap]:
    in_evaluation = evaluation.sources()
    paths = {source.path for source in in_evaluation.values()}
    in_train: dict[str, list[tuple[str, AudioSource]]] = {}
    for utterance, source in train.sources().items():
        if source.path in paths:
            in_train.setdefault(source.path, []).append((utterance, source))
    for utterance, source in in_evaluation.items():
        for owner, other in in_train.get(source.path, []):
            if source.overlaps(other):
                yield Overlap(utterance, "audio file", source.path, owner)
                break


def _normalised(text: Mapping[str, str]) -> dict[str, str]:
    """Utterance -> normalised text, without texts of which nothing remains."""
    return {utterance: same for utterance, value in text.items() if (same := normalize_text(value))}
