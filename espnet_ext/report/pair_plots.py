"""R@1 by language: a heat map of pairs while they can be read, else a line for each language."""

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from espnet_ext.report.select import languages_of, one_directions, ordered, pick
from espnet_ext.report.style import house_style, look

# Cells of a heat map of more languages hold no legible number.
MAX_HEAT_MAP_LANGUAGES = 16


def pair_figures(results: pd.DataFrame) -> list[tuple[str, Figure]]:
    """(file name, figure) for each attribute and set with speech-to-speech retrieval in several directions."""
    rows = one_directions(pick(results, task="retrieval", metric="R@1"))
    figures = []
    for attribute, part in ordered(rows, "attribute", "set"):
        group = pick(rows, attribute=attribute, set=part)
        asking, answering = languages_of(group)
        title = f"Speech-to-speech R@1 by {{}}, protocol `one` ({attribute}, {part})"
        name = f"pairs_{attribute}_{part}.png"
        if len({*asking, *answering}) <= MAX_HEAT_MAP_LANGUAGES and min(len(asking), len(answering)) > 1:
            figures.append((name, plot_pairs(group, title.format("pair"))))
        elif max(len(asking), len(answering)) > 1:
            figures.append((name, plot_languages(group, title.format("language"))))
    return figures


def _values(results: pd.DataFrame) -> dict[tuple[str, str, str], float]:
    """R@1 of (system, asking language, answering language)."""
    return {
        (system, *protocol.split(":")[1].split("-")): value
        for system, protocol, value in ordered(results, "system", "protocol", "value")
    }


def plot_pairs(results: pd.DataFrame, title: str) -> Figure:
    """R@1 of protocol `one` by language pair, a heat map for each system, all on one colour scale.

    Args:
        results: rows of results.tsv of one attribute and set, metric R@1.
    """
    systems = [system for (system,) in ordered(results, "system")]
    values = _values(results)
    languages = sorted(set().union(*languages_of(results)))
    columns = min(4, len(systems))
    rows = math.ceil(len(systems) / columns)
    size = 0.9 + 0.42 * len(languages)
    with house_style():
        inches = (columns * size + 0.9, rows * (size + 0.25) + 0.4)
        figure, grid = plt.subplots(rows, columns, figsize=inches, squeeze=False, sharey=True)
        for axes in grid.flat[len(systems) :]:
            axes.set_axis_off()
        for axes, system in zip(grid.flat, systems, strict=False):
            table = [[values.get((system, a, b), np.nan) for b in languages] for a in languages]
            image = _heat_map(axes, np.array(table), languages)
            axes.set_title(f"{system} (mean {np.nanmean(table):.1f})")
        for axes in grid[:, 0]:
            axes.set_ylabel("asks")
        figure.colorbar(image, ax=grid, label="R@1 (%)", fraction=0.03, pad=0.02)
        figure.suptitle(title, fontsize=10)
    return figure


def _heat_map(axes: Axes, table: np.ndarray, languages: Sequence[str]) -> AxesImage:
    colours = plt.get_cmap("YlGnBu").with_extremes(bad="#F2F2F2")
    image = axes.imshow(np.ma.masked_invalid(table), cmap=colours, vmin=0, vmax=100)
    places = range(len(languages))
    axes.set_xticks(places, languages)
    axes.set_yticks(places, languages)
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("answers")
    for row, column in np.argwhere(~np.isnan(table)):
        dark = table[row, column] > 55
        axes.text(
            column,
            row,
            f"{table[row, column]:.0f}",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if dark else "black",
        )
    return image


def plot_languages(results: pd.DataFrame, title: str) -> Figure:
    """R@1 of protocol `one`, a row for each language and a mark for each system, the last system's best on top.

    A row is the asking language, its mean over the languages that answer; where one language asks
    all others, it is the answering language.

    Args:
        results: rows of results.tsv of one attribute and set, metric R@1.
    """
    asking, answering = languages_of(results)
    rows_ask = len(asking) > 1
    systems = [system for (system,) in ordered(results, "system")]
    values = pd.Series(_values(results))
    table = values.groupby(level=[0, 1 if rows_ask else 2]).mean().unstack(0)[systems]
    table = table.sort_values(systems[-1])
    others = answering if rows_ask else asking
    whom = others[0] if len(others) == 1 else f"mean of {len(others)} languages"
    with house_style():
        figure, axes = plt.subplots(figsize=(5.4, 1.4 + 0.15 * len(table)))
        places = range(len(table))
        for system in systems:
            style = look(systems, system)
            mean = f"{system} (mean {table[system].mean():.1f})"
            axes.plot(table[system], places, linestyle="none", markersize=4, label=mean, **style)
        axes.set_yticks(places, table.index, fontsize=7)
        axes.set_ylim(-1, len(table))
        axes.set_xlim(-1.5, 101.5)
        axes.set_xlabel(f"R@1 (%), {'answers' if rows_ask else 'asks'}: {whom}")
        axes.set_ylabel("asks" if rows_ask else "answers")
        axes.set_title(title)
        figure.legend(loc="outside lower center", ncols=min(3, len(systems)))
    return figure
