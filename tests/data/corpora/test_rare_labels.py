from pathlib import Path

from espnet_ext.data.corpora.rare_labels import common_labels, with_labels_among
from espnet_ext.kaldi.utterances import Utterance

ACCENTS = {"a-1": "us", "a-2": "us", "b-1": "us", "c-1": "my own", "c-2": "my own", "d-1": "england", "e-1": "england"}


def utterances() -> list[Utterance]:
    labelled = [
        Utterance(name, name[0], Path("x.wav"), 1, "eng", labels={"accent": accent, "gender": "female"})
        for name, accent in ACCENTS.items()
    ]
    return [*labelled, Utterance("f-1", "f", Path("x.wav"), 1, "eng", labels={"gender": "male"})]


def test_speakers_are_counted_and_not_their_utterances() -> None:
    assert common_labels(utterances(), "accent", 1) == {"us", "my own", "england"}
    assert common_labels(utterances(), "accent", 2) == {"us", "england"}
    assert common_labels(utterances(), "accent", 3) == set()
    assert common_labels(utterances(), "age", 1) == set()


def test_only_the_other_labels_go() -> None:
    before = utterances()
    after = with_labels_among(before, "accent", {"us", "england"})
    assert [utterance.id for utterance in after] == [utterance.id for utterance in before]
    for old, new in zip(before, after, strict=True):
        if old.labels.get("accent") == "my own":
            assert new.labels == {"gender": "female"}
        else:
            assert new is old
    assert after[3].labels is after[4].labels, "equal labels are one dictionary"
