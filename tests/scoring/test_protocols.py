"""Who asks and who answers in `all`, `one` and `text`."""

import numpy as np
import pytest

from espnet_ext.scoring.directions import parse_pattern
from espnet_ext.scoring.protocols import (
    Items,
    search_all,
    search_one,
    search_text,
    speech_searches,
    text_searches,
)
from espnet_ext.scoring.rows import UnitRows
from espnet_ext.utils.errors import UserError


def items(*keys: str) -> Items:
    """Items of keys `utterance sentence language`; vectors do not matter here."""
    names, sentences, languages = np.array([key.split() for key in keys]).T
    return Items(names, UnitRows.of(np.eye(len(keys)), names), sentences, languages)


ENGLISH = ("e2 hello eng", "e1 hello eng", "e3 bye eng", "e4 only eng")
SPEECH = items(*ENGLISH, "s1 hello spa", "s3 bye spa", "s2 bye spa")


def names(pool: Items, rows: np.ndarray) -> list[str]:
    return pool.names[rows].tolist()


def test_all_asks_with_every_recording_that_has_an_answer() -> None:
    search = search_all(SPEECH, "eng", "spa")
    assert names(SPEECH, search.queries) == ["e2", "e1", "e3"]
    assert names(SPEECH, search.candidates) == ["s1", "s3", "s2"]


def test_one_takes_the_first_utterance_of_each_shared_sentence_aligned() -> None:
    search = search_one(SPEECH, "eng", "spa")
    assert search.aligned
    assert names(SPEECH, search.queries) == ["e3", "e1"]
    assert names(SPEECH, search.candidates) == ["s2", "s1"]


def test_text_answers_once_for_each_sentence() -> None:
    search = search_text(SPEECH, SPEECH, "spa", "eng")
    assert sorted(names(SPEECH, search.candidates)) == ["e1", "e3", "e4"]
    assert names(SPEECH, search.queries) == ["s1", "s3", "s2"]


def test_own_text_is_named_by_its_language() -> None:
    scopes = {search.scope: search.mean_scopes for search in text_searches(SPEECH, SPEECH)}
    assert scopes == {"eng": ["mean"], "spa": ["mean"], "eng-spa": ["mean-cross"], "spa-eng": ["mean-cross"]}


def test_one_language_has_no_pairs() -> None:
    with pytest.raises(UserError, match="all recordings are in eng"):
        speech_searches(items("e1 hello eng", "e2 bye eng"))


def test_languages_without_a_shared_sentence_are_an_error() -> None:
    with pytest.raises(UserError, match="no sentence id"):
        speech_searches(items("e1 hello eng", "s1 bye spa"))


def test_a_direction_without_a_shared_sentence_is_left_out() -> None:
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
def test_only_the_directions_wanted_are_searched(patterns: str, expected: dict[str, list[str]]) -> None:
    parsed = [parse_pattern(pattern) for pattern in patterns.split(",")]
    for protocol in ("all", "one"):
        searches = speech_searches(THREE, parsed)
        assert {s.scope: s.mean_scopes for s in searches if s.protocol == protocol} == expected
    crossing = {s.scope: s.mean_scopes for s in text_searches(THREE, THREE, parsed) if "-" in s.scope}
    assert crossing == expected


def test_the_own_language_is_read_whatever_the_directions() -> None:
    scopes = [search.scope for search in text_searches(THREE, THREE, [parse_pattern("fra-eng")])]
    assert scopes == ["eng", "fra-eng", "fra", "spa"]


def test_no_direction_between_recorded_languages_is_an_error() -> None:
    with pytest.raises(UserError, match="none of the directions ita-eng is between two"):
        speech_searches(THREE, [parse_pattern("ita-eng")])
