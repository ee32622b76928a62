"""The leakage table: heads in rows, scores in columns, own scores in bold, chance in a last row."""

from pathlib import Path

import pandas as pd

from espnet_ext.evaluation.results import COLUMNS, read_results
from espnet_ext.report.table import Table
from espnet_ext.report.tables import leakage_table

ROWS = """
teacher sem retrieval one:mean sent R@1 90 80 95 100 2
teacher spk leakage one:mean sent R@1 3 1 4 100 2
untrained sem retrieval one:mean sent R@1 10 8 12 100 2
untrained sem leakage lang:by-speaker sent probe-accuracy 70 60 80 100 40
untrained sem leakage O trials EER 30 25 35 500 50
untrained spk leakage one:mean sent R@1 10 8 12 100 2
untrained spk verification O trials EER 30 25 35 500 50
untrained spk leakage lang:by-speaker sent probe-accuracy 70 60 80 100 40
m/heads sem retrieval one:mean sent R@1 50 40 60 100 2
m/heads sem leakage O trials EER 45 40 48 500 50
m/heads sem leakage lang:by-speaker sent probe-accuracy 42 30 50 100 40
m/heads lang leakage one:mean sent R@1 4 3 5 100 2
m/heads lang leakage O trials EER 44 40 48 500 50
m/heads lang classification lang:by-speaker sent probe-accuracy 95 90 97 100 40
m/heads lang classification classifier sent accuracy 96 90 97 100 40
m/heads spk verification O-asnorm trials EER 4 3 5 500 50
m/heads spk verification O trials EER 5 4 6 500 50
m/heads spk verification O trials speakers 20 nan nan 500 nan
m/heads sem leakage lang:by-speaker sent probe-units 12 nan nan 100 nan
m/heads sem leakage lang:by-speaker sent probe-left-out 3 nan nan 100 nan
"""


def make_table(tmp_path: Path, rows: str) -> Table:
    lines = ["\t".join(COLUMNS), *("\t".join(row.split()) for row in rows.strip().splitlines())]
    (tmp_path / "results.tsv").write_text("\n".join(lines).replace("nan", "") + "\n")
    return leakage_table(read_results(tmp_path / "results.tsv"))


def table_of(tmp_path: Path, rows: str) -> dict[tuple[str, str], dict[str, str]]:
    table = make_table(tmp_path, rows)
    frame = pd.DataFrame(table.rows, columns=table.header).set_index(["system", "head"])
    return {index: dict(row) for index, row in frame.iterrows()}


def test_own_scores_are_bold_and_phases_are_rows(tmp_path: Path) -> None:
    table = table_of(tmp_path, ROWS)
    recall, eer, probe = "R@1 (sent, one:mean)", "EER (trials, O)", "probe of lang (sent, by speaker)"
    assert table["m/heads", "sem"] == {
        recall: "**50.0 [40.0, 60.0]**",
        eer: "45.0 [40.0, 48.0]",
        probe: "42.0 [30.0, 50.0]",
    }
    assert table["m/heads", "lang"][probe] == "**95.0 [90.0, 97.0]**"
    assert table["m/heads", "spk"] == {recall: "-", eer: "**5.0 [4.0, 6.0]**", probe: "-"}
    assert table["chance", ""] == {recall: "2.0", eer: "50.0", probe: "40.0"}
    assert list(table["chance", ""]) == [recall, eer, probe]


def test_heads_with_equal_scores_share_a_row(tmp_path: Path) -> None:
    table = table_of(tmp_path, ROWS)
    assert table["untrained", "sem, spk"]["EER (trials, O)"] == "30.0 [25.0, 35.0]"
    assert ("untrained", "sem") not in table and ("teacher", "spk") in table


def test_the_last_row_counts_the_items_of_each_column(tmp_path: Path) -> None:
    assert make_table(tmp_path, ROWS).rows[-1] == [
        "counts",
        "",
        "100 queries",
        "500 trials, 20 speakers",
        "100 utterances, 12 speakers, 3 left out",
    ]


def test_without_leakage_there_is_no_table(tmp_path: Path) -> None:
    assert not table_of(tmp_path, "m sem retrieval one:mean sent R@1 50 40 60 100 2")


def test_chance_that_differs_between_systems_is_a_range(tmp_path: Path) -> None:
    rows = "a spk leakage one:mean sent R@1 3 1 4 100 2\nb spk leakage one:mean sent R@1 3 1 4 50 4"
    assert table_of(tmp_path, rows)["chance", ""] == {"R@1 (sent, one:mean)": "2.0 to 4.0"}
