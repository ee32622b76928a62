"""RESULTS.md of a small results.tsv, word for word."""

from pathlib import Path

import pandas as pd
import pytest

from espnet_ext.report.results import COLUMNS, read_results
from espnet_ext.report.tables import main_table, write_markdown

GOLDEN = Path(__file__).parent / "golden"


def test_results_tsv_becomes_the_golden_markdown() -> None:
    markdown = write_markdown(read_results(GOLDEN / "results.tsv"), "Golden")
    assert markdown == (GOLDEN / "RESULTS.md").read_text()


def test_figures_of_a_second_set_get_columns_that_say_so(tmp_path: Path) -> None:
    row = "s\tsem\tretrieval\tone:mean\t{}\tR@1\t{}\t\t\t10\t1.0"
    rows = [row.format("x", 1), row.format("y", 2)]
    (tmp_path / "results.tsv").write_text("\n".join(["\t".join(COLUMNS), *rows]) + "\n")
    table = main_table(read_results(tmp_path / "results.tsv"))
    assert "speech-to-speech R@1 (sem, x)" in table.header
    assert table.rows[0][table.header.index("speech-to-speech R@1 (sem, y)")] == "2.0"


def test_labels_of_a_second_set_get_columns_that_say_so(tmp_path: Path) -> None:
    rows = [f"s\tlang\tclassification\tclassifier\t{part}\taccuracy\t90\t\t\t10\t20" for part in "xy"]
    (tmp_path / "results.tsv").write_text("\n".join(["\t".join(COLUMNS), *rows]) + "\n")
    table = main_table(read_results(tmp_path / "results.tsv"))
    assert {"lang accuracy (x)", "lang accuracy (y)"} <= set(table.header)
    assert "In percent: accuracies, F1." in table.caption
    assert table.caption.endswith("intervals over speakers (classification).")


@pytest.mark.parametrize("metric", ["R@1", "EER"])
def test_every_table_states_chance_or_its_level(metric: str) -> None:
    markdown = write_markdown(read_results(GOLDEN / "results.tsv"), "Golden")
    for section in markdown.split("\n## ")[1:]:
        if metric in section:
            assert "chance" in section


def rows_of_directions(directions: list[str], patterns: list[str], part: str = "x") -> list[str]:
    """Protocol `one`: lines of results.tsv with R@1 and a count, of directions and of the means over patterns."""
    scopes = directions + ["mean" if pattern == "all" else f"mean:{pattern}" for pattern in patterns]
    line = "s\tsem\tretrieval\tone:{}\t{}\t{}\t{}\t\t\t350\t{}"
    return [
        line.format(scope, part, *cells)
        for i, scope in enumerate(scopes)
        for cells in (("R@1", 40 + i, 0.3), ("candidates", 350, ""), ("sentences", 350, ""))
    ]


def read_rows(folder: Path, rows: list[str]) -> pd.DataFrame:
    (folder / "results.tsv").write_text("\n".join(["\t".join(COLUMNS), *rows]) + "\n")
    return read_results(folder / "results.tsv")


def test_a_hundred_languages_are_shown_by_their_means(tmp_path: Path) -> None:
    languages = [f"l{i:02d}" for i in range(101)]
    rows = rows_of_directions([f"{language}-eng" for language in languages], ["X-eng", "l07-eng"])
    results = read_rows(tmp_path, rows)
    table = main_table(results)
    assert list(table.header) == ["system", "speech-to-speech R@1 X-eng", "speech-to-speech R@1 l07-eng"]
    assert list(table.rows[0]) == ["s", "141.0", "142.0"]
    assert "speech-to-speech (protocol `one`) X-eng, mean of 101 directions, 350 queries" in table.caption
    assert "speech-to-speech (protocol `one`) l07-eng, 350 queries" in table.caption
    markdown = write_markdown(results, "T")
    assert "l08-eng" not in markdown
    assert "The directions of x, one by one, are in results.tsv." in markdown
    assert "one:mean:X-eng" in markdown and "Retrieval by pair" not in markdown


def test_a_few_directions_have_a_table_of_their_own(tmp_path: Path) -> None:
    results = read_rows(tmp_path, rows_of_directions(["fra-eng", "spa-eng"], ["X-eng"]))
    markdown = write_markdown(results, "T")
    grid = markdown.split("## Retrieval by pair: s")[1].strip().splitlines()[2:]
    assert [line.split()[1:-1] for line in grid] == [
        ["asks", "\\", "answers", "|", "eng"],
        ["--------------", "|", "---:"],
        ["fra", "|", "40.0"],
        ["spa", "|", "41.0"],
    ]


def test_duplicates_are_a_footnote(tmp_path: Path) -> None:
    rows = rows_of_directions(["fra-eng"], ["fra-eng"])
    rows.append("s\tsem\tretrieval\tone:mean:fra-eng\tx\tduplicates\t2\t\t\t350\t")
    markdown = write_markdown(read_rows(tmp_path, rows), "T")
    assert "2.0 for s on `x` (`one:mean:fra-eng`)" in markdown
    assert "duplicates" not in markdown
