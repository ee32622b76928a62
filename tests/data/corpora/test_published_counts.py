"""Deviations from the published counts: more is said, fewer is an error unless the user goes on."""

from pathlib import Path

import pytest

from espnet_ext.data.corpora.fleurs import LANGUAGES
from espnet_ext.data.corpora.published_counts import (
    FLEURS_SENTENCES,
    TRIALS,
    VOXCELEB,
    Count,
    check_counts,
    fleurs_counts,
    voxceleb_counts,
)
from espnet_ext.data.data_dir import Utterance
from espnet_ext.errors import UserError


def test_more_is_said_and_fewer_is_an_error() -> None:
    equal, more, fewer = Count("a", 5, 5), Count("b", 1234, 1000), Count("c", 3, 5)
    assert check_counts([equal, more], allow_incomplete=False) == ["b: 1,234 here, 1,000 published (+234)"]
    with pytest.raises(UserError, match=r"incomplete corpus: c: 3 here, 5 published \(-2\); .*--allow_incomplete true"):
        check_counts([equal, more, fewer], allow_incomplete=False)
    assert check_counts([equal, more, fewer], allow_incomplete=True)[1] == "c: 3 here, 5 published (-2)"


def utterances(language: str, sentences: list[int]) -> list[Utterance]:
    return [
        Utterance(
            f"fleurs-{language}-{n}", f"fleurs-{language}-{n}", Path("x"), 1, "eng", sentence=f"fleurs-{sentence}"
        )
        for n, sentence in enumerate(sentences)
    ]


def test_fleurs_recordings_and_sentences_are_counted_apart() -> None:
    counts = fleurs_counts("test", utterances("en_us", [1, 1, 2]) + utterances("kn_in", [3]), ["en_us", "kn_in"])
    assert counts == [Count("FLEURS en_us test: recordings", 3, 647), Count("FLEURS en_us test: sentences", 2, 350)]
    # Languages lack some sentences, so that only all of them together have the published number.
    assert fleurs_counts("train", utterances("en_us", [1, 1, 2]), LANGUAGES) == [
        Count("FLEURS train: sentences", 2, 1509)
    ]
    assert sum(FLEURS_SENTENCES.values()) == 2009


def test_voxceleb_speakers_and_utterances_are_counted() -> None:
    counts = voxceleb_counts("voxceleb1", "test", utterances("a", [1, 2]))
    assert [(count.found, count.published) for count in counts] == [(2, 40), (2, 4874)]


def test_the_published_numbers_are_consistent() -> None:
    assert VOXCELEB["voxceleb1", "dev"][0] + VOXCELEB["voxceleb1", "test"][0] == 1251
    for name in ("O", "E", "H"):
        assert TRIALS[name] < TRIALS[f"{name}-original"], "cleaning took trials away"
