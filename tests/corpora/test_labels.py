from pathlib import Path

import pytest

from espnet_ext.corpora.labels import frequent_labels, labels_of_decade, labels_of_years, with_labels_among
from espnet_ext.kaldi.utterances import Utterance

ACCENTS = {"a-1": "us", "a-2": "us", "b-1": "us", "c-1": "my own", "c-2": "my own", "d-1": "england", "e-1": "england"}


@pytest.mark.parametrize(
    ("decade", "labels"),
    [
        ("twenties", {"age": "twenties", "age_years": "25"}),
        ("teens", {"age": "teens", "age_years": "15"}),
        ("nineties", {"age": "nineties", "age_years": "95"}),
        ("fourties", {"age": "forties", "age_years": "45"}),  # as Common Voice spells it
        ("old", {"age": "old"}),
        ("", {}),
    ],
)
def test_a_decade_is_mapped_to_its_middle(decade: str, labels: dict[str, str]) -> None:
    assert labels_of_decade(decade) == labels


@pytest.mark.parametrize(
    ("years", "decade"), [(9, None), (10, "teens"), (19, "teens"), (20, "twenties"), (49, "forties"), (104, "nineties")]
)
def test_years_are_mapped_to_their_decade(years: int, decade: str | None) -> None:
    assert labels_of_years(years) == ({"age": decade} if decade else {}) | {"age_years": str(years)}


def utterances() -> list[Utterance]:
    labeled = [
        Utterance(name, name[0], Path("x.wav"), 1, "eng", labels={"accent": accent, "gender": "female"})
        for name, accent in ACCENTS.items()
    ]
    return [*labeled, Utterance("f-1", "f", Path("x.wav"), 1, "eng", labels={"gender": "male"})]


def test_speakers_are_counted_and_not_their_utterances() -> None:
    assert frequent_labels(utterances(), "accent", 1) == {"us", "my own", "england"}
    assert frequent_labels(utterances(), "accent", 2) == {"us", "england"}
    assert frequent_labels(utterances(), "accent", 3) == set()
    assert frequent_labels(utterances(), "age", 1) == set()


def test_only_the_other_labels_are_removed() -> None:
    before = utterances()
    after = with_labels_among(before, "accent", {"us", "england"})
    assert [utterance.id for utterance in after] == [utterance.id for utterance in before]
    for old, new in zip(before, after, strict=True):
        if old.labels.get("accent") == "my own":
            assert new.labels == {"gender": "female"}
        else:
            assert new is old
    assert after[3].labels is after[4].labels, "equal labels are one dictionary"
