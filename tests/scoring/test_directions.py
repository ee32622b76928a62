"""Patterns of directions: what they name, what they match, what is refused."""

import pytest

from espnet_ext.scoring.directions import EVERY, Pattern, matching, parse_pairs, parse_pattern
from espnet_ext.utils.errors import UserError


def test_a_pattern_matches_its_directions_alone() -> None:
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


def test_a_direction_may_belong_to_several_patterns() -> None:
    patterns = [EVERY, Pattern("X", "eng"), Pattern("fra", "eng"), Pattern("eng", "X")]
    assert [str(pattern) for pattern in matching(patterns, "fra", "eng")] == ["all", "X-eng", "fra-eng"]


def test_a_set_and_its_patterns_are_read_in_order() -> None:
    pairs = parse_pairs(["fleurs_test=X-eng,fra-eng", "s2s=all"])
    assert pairs == {"fleurs_test": (Pattern("X", "eng"), Pattern("fra", "eng")), "s2s": (EVERY,)}


@pytest.mark.parametrize(
    "option", ["X-eng", "=X-eng", "s=", "s=eng", "s=eng-eng", "s=X-X", "s=a-b-c", "s=fra-eng,fra-eng", "s=all s=all"]
)
def test_another_form_is_refused(option: str) -> None:
    with pytest.raises(UserError):
        parse_pairs(option.split())


def test_an_unknown_language_is_named_beside_those_of_the_set() -> None:
    with pytest.raises(UserError, match="direction X-egn: no language egn here; there are eng, fra"):
        Pattern("X", "egn").check(["fra", "eng", "fra"])
