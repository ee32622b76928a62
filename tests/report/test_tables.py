"""RESULTS.md of a small results.tsv, word for word."""

from pathlib import Path

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


@pytest.mark.parametrize("metric", ["R@1", "EER"])
def test_every_table_states_chance_or_its_level(metric: str) -> None:
    markdown = write_markdown(read_results(GOLDEN / "results.tsv"), "Golden")
    for section in markdown.split("\n## ")[1:]:
        if metric in section:
            assert "chance" in section
