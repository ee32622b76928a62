"""Deviations from the published counts: more is reported, fewer is an error unless the user allows it."""

from pathlib import Path

import pytest

from espnet_ext.corpora.corpus import ALLOW_INCOMPLETE, SetContent, add_parts, choose_parts, make_options
from espnet_ext.corpora.fleurs import count_fleurs
from espnet_ext.corpora.published import Count, check_counts, counted, num_on_disk, published, unknown_counts
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError


def test_more_is_reported_and_fewer_is_an_error() -> None:
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


def test_fleurs_recordings_and_sentences_are_counted_separately() -> None:
    counts = count_fleurs("test", utterances("en_us", [1, 1, 2]) + utterances("kn_in", [3]), ["en_us", "kn_in"])
    assert counts == [Count("FLEURS en_us test: recordings", 3, 647), Count("FLEURS en_us test: sentences", 2, 350)]
    # Languages lack some sentences, so that only all of them together have the published number.
    assert count_fleurs("train", utterances("en_us", [1, 1, 2]), published("FLEURS", "languages")) == [
        Count("FLEURS train: sentences", 2, 1509)
    ]
    assert sum(published("FLEURS", "sentences").values()) == 2009


def test_only_published_numbers_are_compared() -> None:
    found = {"speakers": 2, "utterances": 3, "hours": 4}
    counts = counted("voxceleb1 test", found, published("VoxCeleb", "voxceleb1 test"))
    assert counts == [Count("voxceleb1 test: speakers", 2, 40), Count("voxceleb1 test: utterances", 3, 4874)]
    assert published("VoxCeleb", "voxceleb3 test") == published("nothing", "dev") == {}


def test_parts_are_counted_where_a_count_is_published_and_named_where_none_is() -> None:
    content = SetContent({"corpus": "VoxPopuli"})
    options = make_options([ALLOW_INCOMPLETE], allow_incomplete=True)
    add_parts(content, "dev", "segments", ["en", "xx"], lambda part, *_: utterances(part, [1, 2]), options)
    assert content.counts == [Count("VoxPopuli en dev: segments", 2, 1753)]
    assert content.notes == ["no published count known for VoxPopuli dev segments: xx"]
    assert [utterance.id for utterance in content.utterances] == [
        f"fleurs-{p}-{n}" for p in ("en", "xx") for n in (0, 1)
    ]
    many = [f"l{n:02d}" for n in range(12)]
    assert unknown_counts("C", many, ())[0].endswith("l08, l09 and 2 more")


def test_the_error_names_missing_languages() -> None:
    content = SetContent({"corpus": "Corpus"})
    options = make_options([ALLOW_INCOMPLETE], allow_incomplete=True)
    assert choose_parts(content, "dev", options, (), ["en"], ["en", "fr"]) == ["en"]
    assert choose_parts(content, "dev", options, ("fr", "en"), ["en"], ["en", "fr"], Path("root").joinpath) == ["en"]
    assert content.notes == [
        "Corpus dev: 1 of its languages are not here: fr",
        "Corpus is not whole: no root/fr",
    ]
    with pytest.raises(UserError, match="incomplete corpus: Corpus lacks fr; .*--allow_incomplete true"):
        choose_parts(content, "dev", make_options([ALLOW_INCOMPLETE]), ("fr",), ["en"], ["en", "fr"])


def test_utterances_excluded_by_a_rule_count_as_published() -> None:
    excluded = Exclusions()
    for reason in ("no audio file", "no transcript", "audio cannot be read"):
        excluded.add("a", "a.wav", reason)
    assert num_on_disk(10, excluded) == 12


def test_a_release_of_common_voice_has_its_own_counts() -> None:
    release = published("Common Voice", "cv-corpus-19.0-2024-09-13")
    assert (release["train"]["en"], release["dev"]["en"]) == (1_116_566, 16_396)
    assert published("Common Voice", "cv-corpus-1", "dev") == {}
    assert release["train"].keys() == release["dev"].keys()
    assert len(release["train"]) == 131
    assert all(release["dev"][language] <= max(clips, 1) for language, clips in release["train"].items())


def test_the_published_numbers_are_consistent() -> None:
    voxceleb = published("VoxCeleb")
    assert voxceleb["voxceleb1 dev"]["speakers"] + voxceleb["voxceleb1 test"]["speakers"] == 1251
    for name in ("O", "E", "H"):
        assert voxceleb["trials"][name] < voxceleb["trials"][f"{name}-original"], "cleaning took trials away"
