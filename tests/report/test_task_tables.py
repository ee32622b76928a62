"""Tables and columns of labels, and the confusion matrices, from results.tsv and the counts next to it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from espnet_ext.evaluation.label_set import write_confusion
from espnet_ext.evaluation.results import COLUMNS, read_results
from espnet_ext.report.matrix_plots import CONFUSION_COLUMNS, OTHERS, confusion_figures, confusion_shares
from espnet_ext.report.table import read_table
from espnet_ext.report.tables import main_table, write_markdown
from espnet_ext.utils.errors import UserError

ROWS = """
untrained lang leakage one:mean sent R@1 3 1 4 100 2
m lang classification classifier test accuracy 90 85 95 200 40
m lang classification classifier test balanced-accuracy 80 75 85 200 20
m lang classification classifier test macro-F1 79 74 84 200 21
m lang classification classifier test classes 5 _ _ 200 _
m lang classification classifier test units 12 _ _ 200 _
m lang classification classifier test unknown 7 _ _ 200 _
m age regression classifier test MAE 6.25 5 7 150 11
m age regression classifier test RMSE 8 7 9 150 14
m age regression classifier test Pearson 0.71236 0.6 0.8 150 0
m age regression classifier test CCC 0.65 0.5 0.7 150 0
m age regression classifier test units 12 _ _ 150 _
m lang classification lang:by-speaker test probe-accuracy 88 80 90 200 40
"""


@pytest.fixture
def results(tmp_path: Path) -> pd.DataFrame:
    lines = ["\t".join(COLUMNS)]
    lines += ["\t".join("" if cell == "_" else cell for cell in row.split()) for row in ROWS.strip().splitlines()]
    (tmp_path / "results.tsv").write_text("\n".join(lines) + "\n")
    return read_results(tmp_path / "results.tsv")


def test_the_main_table_has_a_column_for_each_score_of_a_label(results: pd.DataFrame) -> None:
    table = main_table(results)
    rows = {row[0]: dict(zip(table.header, row, strict=True)) for row in table.rows}
    assert rows["m"]["lang accuracy"] == "90.0 [85.0, 95.0]"
    assert rows["m"]["age MAE"] == "6.2 [5.0, 7.0]" and rows["m"]["age Pearson"] == "0.712 [0.600, 0.800]"
    assert rows["untrained"]["lang accuracy"] == "-"
    assert rows["chance"]["lang macro-F1"] == "21.0" and rows["chance"]["age MAE"] == "11.0"
    assert rows["n"]["lang accuracy"] == "200" and rows["n"]["age MAE"] == "150"


def test_the_tables_of_labels_count_excluded_utterances(results: pd.DataFrame) -> None:
    sections = write_markdown(results, "T").split("\n## ")
    (classes,) = [section for section in sections if section.startswith("Classification\n")]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in classes.splitlines()[4:]]
    assert cells[0][-4:] == ["utterances", "classes", "speakers", "unknown"]
    assert cells[2][:3] == ["lang", "test", "m"] and cells[2][-4:] == ["200", "5", "12", "7"]
    assert cells[3][2:6] == ["chance", "40.0", "20.0", "21.0"]
    (numbers,) = [section for section in sections if section.startswith("Regression\n")]
    assert "0.650 [0.500, 0.700]" in numbers and "probe" not in classes


def test_cells_are_fractions_of_the_true_class_and_other_predictions_share_one_column() -> None:
    counts = pd.DataFrame(
        [("a", "a", 6), ("a", "b", 2), ("a", "x", 1), ("a", "y", 1), ("b", "b", 3)],
        columns=["true", "predicted", "count"],
    )
    known = counts[counts["predicted"].isin(["a", "b"])]
    shares = confusion_shares({"m": counts, "n": known})
    assert shares["m"].columns.tolist() == shares["n"].columns.tolist() == ["a", "b", OTHERS]
    assert shares["m"].to_numpy().tolist() == [[60.0, 20.0, 20.0], [0.0, 100.0, 0.0]]
    assert shares["n"].to_numpy().tolist() == [[75.0, 25.0, 0.0], [0.0, 100.0, 0.0]]
    assert confusion_shares({"n": known})["n"].columns.tolist() == ["a", "b"]


@pytest.mark.parametrize("num_classes", [3, 40])
def test_a_matrix_for_each_attribute_and_set(results: pd.DataFrame, tmp_path: Path, num_classes: int) -> None:
    path = tmp_path / "scores/m/lang/test/confusion.tsv"
    path.parent.mkdir(parents=True)
    lines = [f"c{i:02d}\tc{i:02d}\t9" for i in range(num_classes)]
    path.write_text("\n".join(["true\tpredicted\tcount", *lines, "c01\tNA\t1"]) + "\n")
    ((name, figure),) = confusion_figures(results, tmp_path / "scores")
    assert name == "confusion_lang_test.png"
    matrix = figure.axes[0].images[0].get_array()
    assert matrix.shape == (num_classes, num_classes + 1) and matrix[1, 1] == pytest.approx(90.0)
    assert len(figure.axes[0].texts) == (num_classes + 1 if num_classes == 3 else 0)
    plt.close(figure)


def test_class_names_are_read_back_as_written(tmp_path: Path) -> None:
    write_confusion(tmp_path / "confusion.tsv", np.array(['"so called" english', "NA"]), np.array(['"', "NA"]))
    rows = read_table(tmp_path / "confusion.tsv", CONFUSION_COLUMNS, "confusions").itertuples(index=False, name=None)
    assert list(rows) == [('"so called" english', '"', 1), ("NA", "NA", 1)]


def test_missing_counts_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none.tsv: cannot be read as confusions .*run the stage that writes it"):
        read_table(tmp_path / "none.tsv", CONFUSION_COLUMNS, "confusions")
