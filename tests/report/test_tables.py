"""RESULTS.md of a small results.tsv, compared word for word."""

from pathlib import Path

import pandas as pd
import pytest

from espnet_ext.evaluation.results import COLUMNS, read_results
from espnet_ext.report.tables import main_table, write_markdown

GOLDEN = Path(__file__).parent / "golden"


def test_results_tsv_becomes_the_golden_markdown() -> None:
    markdown = write_markdown(read_results(GOLDEN / "results.tsv"), "Golden")
    assert markdown == (GOLDEN / "RESULTS.md").read_text()


def test_scores_of_a_second_set_have_columns_with_its_name(tmp_path: Path) -> None:
    row = "s\tsem\tretrieval\tone:mean\t{}\tR@1\t{}\t\t\t10\t1.0"
    rows = [row.format("x", 1), row.format("y", 2)]
    (tmp_path / "results.tsv").write_text("\n".join(["\t".join(COLUMNS), *rows]) + "\n")
    table = main_table(read_results(tmp_path / "results.tsv"))
    assert "speech-to-speech R@1 (sem, x)" in table.header
    assert table.rows[0][table.header.index("speech-to-speech R@1 (sem, y)")] == "2.0"


def test_labels_of_a_second_set_have_columns_with_its_name(tmp_path: Path) -> None:
    rows = [f"s\tlang\tclassification\tclassifier\t{part}\taccuracy\t90\t\t\t10\t20" for part in "xy"]
    (tmp_path / "results.tsv").write_text("\n".join(["\t".join(COLUMNS), *rows]) + "\n")
    table = main_table(read_results(tmp_path / "results.tsv"))
    assert {"lang accuracy (x)", "lang accuracy (y)"} <= set(table.header)
    assert list(table.rows[-1]) == ["n", *["10"] * 6]


def test_a_set_can_have_retrieval_and_labels(tmp_path: Path) -> None:
    rows = [f"s\tsem\tretrieval\tone:{scope}\tx\tR@1\t50\t\t\t10\t1.0" for scope in ("mean", "eng-fra", "fra-eng")]
    rows.append("s\twords\tregression\tclassifier\tx\tMAE\t5\t\t\t10\t7")
    (tmp_path / "results.tsv").write_text("\n".join(["\t".join(COLUMNS), *rows]) + "\n")
    table = main_table(read_results(tmp_path / "results.tsv"))
    assert [row[1] for row in table.rows if row[0] == "directions"] == ["2"]


@pytest.mark.parametrize("metric", ["R@1", "EER"])
def test_every_table_states_chance_or_its_level(metric: str) -> None:
    markdown = write_markdown(read_results(GOLDEN / "results.tsv"), "Golden")
    for section in markdown.split("\n## ")[1:]:
        if metric in section:
            assert "chance" in section


def section(markdown: str, title: str) -> list[dict[str, str]]:
    """Lines of the table under a heading: column -> cell."""
    text = markdown.split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


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
    counts = {name: cells for name, *cells in table.rows[2:]}
    assert counts == {"n": ["350"] * 2, "directions": ["101", "1"], "candidates": ["350"] * 2, "sentences": ["350"] * 2}
    markdown = write_markdown(results, "T")
    assert "l08-eng" not in markdown and "Retrieval by pair" not in markdown
    means = {row["protocol"]: row for row in section(markdown, "Retrieval")}
    assert [means[f"one:mean:{name}"]["directions"] for name in ("X-eng", "l07-eng")] == ["101", "1"]
    assert means["one:mean:X-eng"]["queries"] == "350" and means["one:mean:X-eng"]["chance R@1"] == "0.3"


def test_a_few_directions_have_a_separate_table(tmp_path: Path) -> None:
    results = read_rows(tmp_path, rows_of_directions(["fra-eng", "spa-eng"], ["X-eng"]))
    markdown = write_markdown(results, "T")
    assert section(markdown, "Retrieval by pair: s") == [
        {r"queries \ candidates": "fra", "eng": "40.0"},
        {r"queries \ candidates": "spa", "eng": "41.0"},
    ]


def test_duplicates_have_a_column_only_if_there_are_any(tmp_path: Path) -> None:
    rows = rows_of_directions(["fra-eng"], ["fra-eng"])
    rows.append("s\tsem\tretrieval\tone:mean:fra-eng\tx\tduplicates\t2\t\t\t350\t")
    markdown = write_markdown(read_rows(tmp_path, rows), "T")
    assert section(markdown, "Retrieval")[0]["duplicates"] == "2.0"
