"""All plots of a report, with readable names: fonts for their characters, or numbers if no installed font has them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text

from espnet_ext.report.line_plots import det_figures, plot_curves, plot_layer_weights, read_curves, read_layer_weights
from espnet_ext.report.matrix_plots import confusion_figures, pair_figures
from espnet_ext.report.style import save
from espnet_ext.report.table import Table

# Longer words leave no room for the plot.
MAX_WORD = 40
_WORD = re.compile(r"[^\s(),:;`]+")
PLAIN = ("normal", "normal", 400)  # style, stretch, weight
# Fonts with a box for every character.
_BOXES = re.compile("last ?resort|adobe ?blank", re.IGNORECASE)


class Plots(NamedTuple):
    """PNG files, and word -> the number that replaces it in them (see `make_readable`)."""

    paths: list[Path]
    numbers: dict[str, int]


def write_plots(
    results: pd.DataFrame, scores_dir: Path, out_dir: Path, layer_weights: Path | None, curves: Sequence[Path]
) -> Plots:
    """Draw all plots for which there is data."""
    figures = [*det_figures(results, scores_dir), *pair_figures(results), *confusion_figures(results, scores_dir)]
    if layer_weights:
        figures.append(("layer_weights.png", plot_layer_weights(read_layer_weights(layer_weights))))
    if curves:
        figures.append(("training_curves.png", plot_curves(read_curves(curves))))
    numbers: dict[str, int] = {}
    for name, figure in figures:
        make_readable(figure, numbers)
        save(figure, out_dir / name)
    return Plots([out_dir / name for name, _ in figures], numbers)


def make_readable(figure: Figure, numbers: dict[str, int]) -> None:
    """Set the fonts that each text of a figure needs, and replace words that cannot be drawn by `[number]`.

    Args:
        figure: not drawn yet; drawing would print a warning for each missing character.
        numbers: word -> its number in all plots of a report; new words are added.
    """
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            labels = [label.get_text() for label in axis.get_ticklabels()]
            readable = [_number_words(label, numbers) for label in labels]
            if readable != labels:
                axis.set_ticks(axis.get_ticklocs(), readable)
    for text in figure.findobj(Text):
        text.set_text(_number_words(text.get_text(), numbers))
        text.set_fontfamily([*text.get_fontfamily(), *_families(text.get_text())])
        text.set_parse_math(False)  # a dollar sign is part of a name


def number_table(numbers: dict[str, int]) -> Table:
    """Table of the numbers in the plots and their names."""
    rows = [[f"[{number}]", word] for word, number in numbers.items()]
    caption = "Plots show these numbers for names that are long or in a script without an installed font."
    return Table("Names in the plots", caption, ["in plots", "name"], rows, names=2)


def _number_words(text: str, numbers: dict[str, int]) -> str:
    def number(word: re.Match) -> str:
        if len(word[0]) <= MAX_WORD and all(map(_family_of, word[0])):
            return word[0]
        return f"[{numbers.setdefault(word[0], len(numbers) + 1)}]"

    return _WORD.sub(number, text)


def _families(text: str) -> Iterable[str]:
    """Fonts of a text's characters other than the default font, each once."""
    families = dict.fromkeys(_family_of(character) for character in text if not character.isspace())
    return [family for family in families if family and family != _default_family()]


@cache
def _family_of(character: str) -> str | None:
    """Family of the first installed font that has a character, the default font first; None if there is none."""
    return next((family for family, path in _fonts() if ord(character) in _characters(path)), None)


def _default_family() -> str:
    return next(_fonts())[0]


def _fonts() -> Iterator[tuple[str, str]]:
    """Family and file of the default font and then of the others, sans serif first."""
    default = findfont(FontProperties())
    yield get_font(default).family_name, default
    # matplotlib logs a warning for a family without a plain font.
    plain = (font for font in fontManager.ttflist if (font.style, font.stretch, font.weight) == PLAIN)
    families = {font.name for font in plain if not _BOXES.search(font.name)}
    for family in sorted(families, key=lambda name: ("Sans" not in name, name)):
        # Only the file that matplotlib selects for a family.
        yield family, findfont(FontProperties(family=family))


@cache
def _characters(path: str) -> frozenset[int]:
    return frozenset(get_font(path).get_charmap())
