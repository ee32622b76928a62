"""results.tsv: written as declared, read back unchanged; other files are refused."""

import math
from pathlib import Path

import pytest

from espnet_ext.evaluation.results import COLUMNS, ResultRow, read_results, write_results
from espnet_ext.scoring.bootstrap import Score
from espnet_ext.utils.errors import UserError

FIGURE = Score("one:mean", "R@1", value=46.0, n=1200, low=40.12346, high=52.0, chance=1.7)
ROW = ResultRow("a+b/heads", "sem", "retrieval", "test", FIGURE)


def test_a_row_is_written_with_four_decimals_and_empty_cells(tmp_path: Path) -> None:
    plain = ResultRow("a", "spk", "verification", "test", Score("all", "targets", 12.0, 30))
    write_results(tmp_path / "results.tsv", [ROW, plain])
    assert (tmp_path / "results.tsv").read_text() == (
        "\t".join(COLUMNS) + "\n"
        "a+b/heads\tsem\tretrieval\tone:mean\ttest\tR@1\t46.0000\t40.1235\t52.0000\t1200\t1.7000\n"
        "a\tspk\tverification\tall\ttest\ttargets\t12.0000\t\t\t30\t\n"
    )


def test_numbers_are_read_back(tmp_path: Path) -> None:
    write_results(tmp_path / "results.tsv", [ROW])
    (row,) = read_results(tmp_path / "results.tsv").itertuples()
    assert (row.system, row.value, row.low, row.n) == ("a+b/heads", 46.0, 40.1235, 1200)


def test_names_are_read_back_unchanged(tmp_path: Path) -> None:
    write_results(tmp_path / "r.tsv", [ResultRow("nan", "sem", "t", '"é 1', Score('"p', "m", math.nan, 1))])
    (row,) = read_results(tmp_path / "r.tsv").itertuples()
    assert (row.system, row.set, row.protocol) == ("nan", '"é 1', '"p')
    assert math.isnan(row.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "cannot be read"),
        ("a\tb\n1\t2\n", ":1: columns must be"),
        ("\t".join(COLUMNS) + "\n", "contains no scores"),
        ("\t".join(COLUMNS) + "\na\tb\tc\td\te\tf\tx\t\t\t1\t\n", ":2: value is not a number: 'x'"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "results.tsv").write_text(content)
    with pytest.raises(UserError, match=message):
        read_results(tmp_path / "results.tsv")


def test_the_error_of_a_missing_file_names_the_stage_to_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run the scoring stage first"):
        read_results(tmp_path / "results.tsv")
