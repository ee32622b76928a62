"""Queries and candidates of `all`, `one` and `text`; patterns of directions."""

import numpy as np
import pytest

from espnet_ext.scoring.protocols import (
    EVERY,
    EmbeddingTable,
    Pattern,
    parse_pairs,
    parse_pattern,
    search_all,
    search_one,
    search_text,
    speech_searches,
    text_searches,
)
from espnet_ext.scoring.rows import UnitRows
from espnet_ext.utils.errors import UserError


def items(*keys: str) -> EmbeddingTable:
    """EmbeddingTable of keys `utterance sentence language`; vectors do not matter here."""
    names, sentences, languages = np.array([key.split() for key in keys]).T
    return EmbeddingTable(names, UnitRows.of(np.eye(len(keys)), names), sentences, languages)


ENGLISH = ("e2 hello eng", "e1 hello eng", "e3 bye eng", "e4 only eng")
SPEECH = items(*ENGLISH, "s1 hello spa", "s3 bye spa", "s2 bye spa")


def names(pool: EmbeddingTable, rows: np.ndarray) -> list[str]:
    return pool.names[rows].tolist()


def test_queries_of_all_are_recordings_with_a_right_candidate() -> None:
    search = search_all(SPEECH, "eng", "spa")
    assert names(SPEECH, search.queries) == ["e2", "e1", "e3"]
    assert names(SPEECH, search.candidates) == ["s1", "s3", "s2"]


def test_one_selects_the_first_utterance_of_each_shared_sentence_aligned() -> None:
    search = search_one(SPEECH, "eng", "spa")
    assert search.aligned
    assert names(SPEECH, search.queries) == ["e3", "e1"]
    assert names(SPEECH, search.candidates) == ["s2", "s1"]


def test_text_has_one_candidate_per_sentence() -> None:
    search = search_text(SPEECH, SPEECH, "spa", "eng")
    assert sorted(names(SPEECH, search.candidates)) == ["e1", "e3", "e4"]
    assert names(SPEECH, search.queries) == ["s1", "s3", "s2"]


def test_text_in_the_same_language_is_named_by_its_language() -> None:
    scopes = {search.scope: search.mean_scopes for search in text_searches(SPEECH, SPEECH)}
    assert scopes == {"eng": ["mean"], "spa": ["mean"], "eng-spa": ["mean-cross"], "spa-eng": ["mean-cross"]}


def test_one_language_has_no_pairs() -> None:
    with pytest.raises(UserError, match="all recordings are in eng"):
        speech_searches(items("e1 hello eng", "e2 bye eng"))


def test_languages_without_a_shared_sentence_are_an_error() -> None:
    with pytest.raises(UserError, match="no sentence id"):
        speech_searches(items("e1 hello eng", "s1 bye spa"))


def test_a_direction_without_a_shared_sentence_is_skipped() -> None:
    searches = speech_searches(items("e1 hello eng", "s1 hello spa", "f1 bye fra"))
    assert {search.scope for search in searches} == {"eng-spa", "spa-eng"}


THREE = items("e1 hello eng", "s1 hello spa", "f1 hello fra")


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ("X-eng", {"fra-eng": ["mean:X-eng"], "spa-eng": ["mean:X-eng"]}),
        ("X-eng,fra-eng", {"fra-eng": ["mean:X-eng", "mean:fra-eng"], "spa-eng": ["mean:X-eng"]}),
        ("eng-X", {"eng-fra": ["mean:eng-X"], "eng-spa": ["mean:eng-X"]}),
    ],
)
def test_only_the_selected_directions_are_searched(patterns: str, expected: dict[str, list[str]]) -> None:
    parsed = [parse_pattern(pattern) for pattern in patterns.split(",")]
    for protocol in ("all", "one"):
        searches = speech_searches(THREE, parsed)
        assert {s.scope: s.mean_scopes for s in searches if s.protocol == protocol} == expected
    crossing = {s.scope: s.mean_scopes for s in text_searches(THREE, THREE, parsed) if "-" in s.scope}
    assert crossing == expected


def test_text_in_the_same_language_is_scored_whatever_the_directions() -> None:
    scopes = [search.scope for search in text_searches(THREE, THREE, [parse_pattern("fra-eng")])]
    assert scopes == ["eng", "fra-eng", "fra", "spa"]


def test_no_direction_between_recorded_languages_is_an_error() -> None:
    with pytest.raises(UserError, match="none of the directions ita-eng is between two"):
        speech_searches(THREE, [parse_pattern("ita-eng")])


def test_a_pattern_matches_only_its_directions() -> None:
    languages = ("eng", "fra", "spa")
    pairs = [(a, b) for a in languages for b in languages]
    matched = {
        text: [f"{a}-{b}" for a, b in pairs if parse_pattern(text).matches(a, b)]
        for text in ("X-eng", "eng-X", "fra-spa", "all")
    }
    assert matched == {
        "X-eng": ["fra-eng", "spa-eng"],
        "eng-X": ["eng-fra", "eng-spa"],
        "fra-spa": ["fra-spa"],
        "all": [f"{a}-{b}" for a, b in pairs if a != b],
    }


def test_a_direction_can_belong_to_several_patterns() -> None:
    patterns = [EVERY, Pattern("X", "eng"), Pattern("fra", "eng"), Pattern("eng", "X")]
    assert [str(pattern) for pattern in patterns if pattern.matches("fra", "eng")] == ["all", "X-eng", "fra-eng"]


def test_a_set_and_its_patterns_are_read_in_order() -> None:
    pairs = parse_pairs(["fleurs_test=X-eng,fra-eng", "s2s=all"])
    assert pairs == {"fleurs_test": (Pattern("X", "eng"), Pattern("fra", "eng")), "s2s": (EVERY,)}


@pytest.mark.parametrize(
    "option", ["X-eng", "=X-eng", "s=", "s=eng", "s=eng-eng", "s=X-X", "s=a-b-c", "s=fra-eng,fra-eng", "s=all s=all"]
)
def test_another_format_is_refused(option: str) -> None:
    with pytest.raises(UserError):
        parse_pairs(option.split())


def test_the_error_of_an_unknown_language_lists_those_of_the_set() -> None:
    with pytest.raises(UserError, match="direction X-egn: no language egn here; there are eng, fra"):
        Pattern("X", "egn").check(["fra", "eng", "fra"])
