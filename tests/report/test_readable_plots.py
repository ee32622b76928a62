"""Names in any script are readable in plots, without warnings of matplotlib."""

import logging
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from espnet_ext.bin import report
from espnet_ext.evaluation.results import COLUMNS
from espnet_ext.report import plots
from espnet_ext.report.line_plots import plot_curves, plot_det, plot_layer_weights
from espnet_ext.report.matrix_plots import plot_confusion
from espnet_ext.report.plots import make_readable, number_table
from espnet_ext.report.style import save

SCRIPTS = ["中文", "हिन्दी", "မြန်မာ", "ไทย"]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system whose only fonts are those of matplotlib."""
    usual = next(plots._fonts())
    plots._family_of.cache_clear()
    monkeypatch.setattr(plots, "_fonts", lambda: iter([usual]))
    yield
    plots._family_of.cache_clear()


@pytest.fixture(autouse=True)
def no_warnings(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        yield
    assert caplog.text == ""


def draw(figure: Figure, folder: Path) -> tuple[set[str], dict[str, int]]:
    """Save a figure; returns the texts in it, and the numbers of names."""
    numbers: dict[str, int] = {}
    make_readable(figure, numbers)
    save(figure, folder / "plot.png")
    return {text.get_text() for text in figure.findobj(Text)}, numbers


def confusions(names: list[str], title: str = "Confusions") -> Figure:
    rows = [(true, predicted, 1) for true in names for predicted in names]
    return plot_confusion({"a": pd.DataFrame(rows, columns=["true", "predicted", "count"])}, title)


def test_labels_without_a_font_are_replaced_by_numbers_with_a_table(bare: None, tmp_path: Path) -> None:
    texts, numbers = draw(confusions([*SCRIPTS, "français", "русский"], "Confusions of 情感\n(测试, dev)"), tmp_path)
    assert set(numbers) == {*SCRIPTS, "情感", "测试"} and set(numbers.values()) == set(range(1, 7))
    assert {f"[{numbers[name]}]" for name in SCRIPTS} | {"français", "русский"} <= texts
    assert f"Confusions of [{numbers['情感']}]\n([{numbers['测试']}], dev)" in texts
    assert not any(name in text for text in texts for name in numbers)
    assert dict(number_table(numbers).rows) == {f"[{number}]": name for name, number in numbers.items()}


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_kind_of_plot_is_readable(bare: None, tmp_path: Path, name: str) -> None:
    scores = np.linspace(-1, 1, 50), np.arange(50) % 3 > 0
    columns = ["phase", "epoch", "split", "key", "value"]
    curves = pd.DataFrame([(name, 1, "train", name, 1.0), ("b", 1, "train", name, 2.0)], columns=columns)
    for figure in (
        plot_det({name: scores, "b": scores}, f"Trials `{name}` of {name}"),
        plot_layer_weights({name: [0.2, 0.8], "spk": [0.5, 0.5]}),
        plot_curves(curves),
    ):
        texts, numbers = draw(figure, tmp_path)
        assert numbers == {name: 1}
        assert any("[1]" in text for text in texts)


@pytest.mark.parametrize("name", ["$x^", "$a_b$", "a|b", "café", "שלום", "a b (c), d"])
def test_special_characters_of_a_name_are_drawn_literally(tmp_path: Path, name: str) -> None:
    texts, numbers = draw(confusions([name, "other"]), tmp_path)
    assert name in texts and numbers == {}


@pytest.mark.parametrize("name", ["a\x1b[31m", "x" * 800, "\U000fffff"])
def test_a_name_that_cannot_be_drawn_is_replaced_by_a_number(tmp_path: Path, name: str) -> None:
    texts, numbers = draw(confusions([name, "other"]), tmp_path)
    assert "[1]" in texts and numbers == {name: 1}


def test_a_character_of_another_installed_font_is_drawn(tmp_path: Path) -> None:
    usual, *others = (plots._characters(path) for _, path in plots._fonts())
    character = chr(min(frozenset.union(*others) - usual - set(range(0x2000))))
    figure = confusions([character, "other"])
    texts, numbers = draw(figure, tmp_path)
    assert character in texts and numbers == {}
    (label, *_) = (text for text in figure.findobj(Text) if text.get_text() == character)
    assert len(label.get_fontfamily()) == 2


def test_the_command_writes_the_numbers_to_results_md(
    bare: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = ["joint", "lang", "classification", "classifier", "test", "accuracy", "50.0", "", "", "4", "50.0"]
    (tmp_path / "results.tsv").write_text("\n".join(["\t".join(COLUMNS), "\t".join(row), ""]))
    confusion = tmp_path / "scores/joint/lang/test/confusion.tsv"
    confusion.parent.mkdir(parents=True)
    confusion.write_text("true\tpredicted\tcount\n中文\t中文\t1\n中文\teng\t1\neng\teng\t2\n", encoding="utf-8")
    words = f"report --results {tmp_path}/results.tsv --out_dir {tmp_path}/plots --markdown {tmp_path}/RESULTS.md"
    monkeypatch.setattr("sys.argv", words.split())
    report.main()
    assert capsys.readouterr().err == ""
    assert re.search(r"^\| \[1\] +\| 中文 +\|$", (tmp_path / "RESULTS.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert (tmp_path / "plots/confusion_lang_test.png").is_file()
