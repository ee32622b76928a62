"""Deviations from the published counts: more is said, fewer is an error unless the user goes on."""

from pathlib import Path

import pytest

from espnet_ext.data.corpora.common_voice_counts import CLIPS, clips_of
from espnet_ext.data.corpora.fleurs_languages import LANGUAGES
from espnet_ext.data.corpora.published_counts import (
    FLEURS_SENTENCES,
    TRIALS,
    VOXCELEB,
    Count,
    absent_languages,
    check_counts,
    fleurs_counts,
    num_there,
    part_counts,
    unknown_counts,
    voxceleb_counts,
)
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError


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


def test_parts_are_counted_where_a_count_is_published_and_named_where_none_is() -> None:
    found, published = {"en": 3, "xx": 4}, {"en": 5, "fr": 6}
    assert part_counts("Corpus", "dev", "clips", found, published) == [Count("Corpus en dev: clips", 3, 5)]
    assert unknown_counts("Corpus", "dev", "clips", found, published) == [
        "no published count known for Corpus dev clips: xx"
    ]
    assert unknown_counts("Corpus", "dev", "clips", ["en"], published) == []
    assert absent_languages("Corpus", published, found) == ["Corpus: 1 of its languages are not here: fr"]
    many = [f"l{n:02d}" for n in range(12)]
    assert unknown_counts("C", "dev", "clips", many, ())[0].endswith("l08, l09 and 2 more")


def test_what_a_rule_leaves_out_was_published_too() -> None:
    excluded = Exclusions()
    for reason in ("no audio file", "no transcript", "audio cannot be read"):
        excluded.add("a", "a.wav", reason)
    assert num_there(10, excluded) == 12


def test_a_release_of_common_voice_has_its_own_counts() -> None:
    assert clips_of("cv-corpus-19.0-2024-09-13", "train")["en"] == 1_116_566
    assert clips_of("cv-corpus-19.0-2024-09-13", "dev")["en"] == 16_396
    assert clips_of("cv-corpus-1", "dev") == {}
    assert all(
        len(languages) == 131 and all(dev <= max(train, 1) for train, dev in languages.values())
        for languages in CLIPS.values()
    )


def test_the_published_numbers_are_consistent() -> None:
    assert VOXCELEB["voxceleb1", "dev"][0] + VOXCELEB["voxceleb1", "test"][0] == 1251
    for name in ("O", "E", "H"):
        assert TRIALS[name] < TRIALS[f"{name}-original"], "cleaning took trials away"
