"""What is left out is counted, listed and limited."""

from pathlib import Path

import pytest

from espnet_ext.kaldi.excluded import LeftOut
from espnet_ext.utils.errors import UserError


@pytest.fixture
def left_out() -> LeftOut:
    left_out = LeftOut()
    left_out.add("b", "/b.wav", "too short")
    left_out.add("a", "/a b.wav", "no transcript")
    left_out.add("c", "/c.wav", "too short")
    return left_out


def test_counts_by_reason(left_out: LeftOut) -> None:
    assert left_out.summary() == "3 left out: 2 too short, 1 no transcript"
    assert LeftOut().summary() == "0 left out"


def test_the_list_is_sorted_with_a_header(left_out: LeftOut, tmp_path: Path) -> None:
    left_out.write(tmp_path / "left_out.tsv")
    assert (tmp_path / "left_out.tsv").read_text().splitlines() == [
        "utterance\tpath\treason",
        "a\t/a b.wav\tno transcript",
        "b\t/b.wav\ttoo short",
        "c\t/c.wav\ttoo short",
    ]


def test_an_odd_name_stays_in_its_row(tmp_path: Path) -> None:
    left_out = LeftOut()
    left_out.add("a", "/x\ty\nz\udce9.wav", "too short")
    left_out.write(tmp_path / "left_out.tsv")
    assert (tmp_path / "left_out.tsv").read_text().splitlines()[1:] == ["a\t/x\\ty\\nz\\udce9.wav\ttoo short"]


def test_more_than_the_limit_is_an_error(left_out: LeftOut) -> None:
    left_out.check_share(total=6, limit=0.5, where="corpus")
    with pytest.raises(UserError, match=r"corpus: 3 of 5 .* 50% .*2 too short.*; for instance /b\.wav\); check"):
        left_out.check_share(total=5, limit=0.5, where="corpus")
    with pytest.raises(UserError, match=r"\); go on with --all"):
        left_out.check_share(total=5, limit=0.5, where="corpus", advice="go on with --all")
