"""Excluded utterances are counted, listed and limited."""

from pathlib import Path

import pytest

from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.utils.errors import UserError


@pytest.fixture
def excluded() -> Exclusions:
    excluded = Exclusions()
    excluded.add("b", "/b.wav", "too short")
    excluded.add("a", "/a b.wav", "no transcript")
    excluded.add("c", "/c.wav", "too short")
    return excluded


def test_utterances_are_counted_by_reason(excluded: Exclusions) -> None:
    assert excluded.summary() == "3 left out: 2 too short, 1 no transcript"
    assert Exclusions().summary() == "0 left out"


def test_the_list_is_sorted_with_a_header(excluded: Exclusions, tmp_path: Path) -> None:
    excluded.write(tmp_path / "excluded.tsv")
    assert (tmp_path / "excluded.tsv").read_text().splitlines() == [
        "utterance\tpath\treason",
        "a\t/a b.wav\tno transcript",
        "b\t/b.wav\ttoo short",
        "c\t/c.wav\ttoo short",
    ]


def test_control_characters_of_a_name_are_escaped(tmp_path: Path) -> None:
    excluded = Exclusions()
    excluded.add("a", "/x\ty\nz\udce9.wav", "too short")
    excluded.write(tmp_path / "excluded.tsv")
    assert (tmp_path / "excluded.tsv").read_text().splitlines()[1:] == ["a\t/x\\ty\\nz\\udce9.wav\ttoo short"]


def test_more_than_the_limit_is_an_error(excluded: Exclusions) -> None:
    excluded.check_share(total=6, limit=0.5, where="corpus")
    with pytest.raises(UserError, match=r"corpus: 3 of 5 .* 50% .*2 too short.*; for instance /b\.wav\); check"):
        excluded.check_share(total=5, limit=0.5, where="corpus")
    with pytest.raises(UserError, match=r"\); go on with --all"):
        excluded.check_share(total=5, limit=0.5, where="corpus", advice="go on with --all")
