"""Heat maps of confusions and of R@1 by language pair; R@1 by language if there are too many pairs."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from espnet_ext.evaluation.label_set import CONFUSION, PROTOCOL
from espnet_ext.report.retrieval_tables import single_directions
from espnet_ext.report.style import house_style, panel_grid, style_of
from espnet_ext.report.table import distinct, read_table, select_rows

# Names and values of larger heat maps are not legible: only colors are drawn.
MAX_LEGIBLE_ROWS = 24
# Larger numbers of languages are drawn as one row per language.
MAX_HEAT_MAP_LANGUAGES = 16
OTHERS = "(others)"
CONFUSION_COLUMNS = {"true": str, "predicted": str, "count": int}


def confusion_figures(results: pd.DataFrame, scores_dir: Path) -> list[tuple[str, Figure]]:
    """(file name, figure) for each attribute and set: a matrix for every system that classifies it."""
    rows = select_rows(results, task="classification", protocol=PROTOCOL)
    figures = []
    for (attribute, set_name), group in rows.groupby(["attribute", "set"], sort=False):
        files = {name: scores_dir / name / attribute / set_name / CONFUSION for (name,) in distinct(group, "system")}
        counts = {name: read_table(path, CONFUSION_COLUMNS, "confusions") for name, path in files.items()}
        # Two lines: with few classes and one system the figure is narrow.
        title = f"Confusions of {attribute}\n({set_name})"
        figures.append((f"confusion_{attribute}_{set_name}.png", plot_confusion(counts, title)))
    return figures


def confusion_shares(counts: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Percent of each true class's utterances, for every system.

    Rows are true classes. Columns are the same classes and, if a system predicts any other class, OTHERS. All systems
    have the same rows and columns, NaN where a system has no utterance of a class.

    Args:
        counts: system -> rows `true predicted count`.
    """
    rows = pd.concat(counts, names=["system"]).reset_index("system")
    classes = sorted(rows["true"].unique())
    is_class = rows["predicted"].isin(classes)
    rows["predicted"] = rows["predicted"].where(is_class, OTHERS)
    table = rows.pivot_table(index=["system", "true"], columns="predicted", values="count", aggfunc="sum")
    table = table.reindex(columns=classes if is_class.all() else [*classes, OTHERS]).fillna(0)
    shares = 100.0 * table.div(table.sum(axis=1), axis=0)
    return {system: shares.loc[system].reindex(classes) for system in counts}


def plot_confusion(counts: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """A matrix for each system, with true classes in rows.

    Args:
        counts: system -> rows `true predicted count`.
    """
    return plot_heat_maps(confusion_shares(counts), title, "predicted", "true", "% of the true class")


def pair_figures(results: pd.DataFrame) -> list[tuple[str, Figure]]:
    """(file name, figure) for each attribute and set with speech-to-speech retrieval in several directions."""
    figures = []
    for (attribute, set_name), rows in single_directions(results).groupby(["attribute", "set"], sort=False):
        queries, candidates = rows["queries"].nunique(), rows["candidates"].nunique()
        num_languages = len({*rows["queries"], *rows["candidates"]})
        title = f"Speech-to-speech R@1 by {{}}, protocol `one` ({attribute}, {set_name})"
        name = f"pairs_{attribute}_{set_name}.png"
        if num_languages <= MAX_HEAT_MAP_LANGUAGES and min(queries, candidates) > 1:
            figures.append((name, plot_pairs(rows, title.format("pair"))))
        elif max(queries, candidates) > 1:
            figures.append((name, plot_languages(rows, title.format("language"))))
    return figures


def plot_pairs(rows: pd.DataFrame, title: str) -> Figure:
    """R@1 by language pair, a heat map for each system.

    Args:
        rows: `single_directions` of one attribute and set.
    """
    languages = sorted({*rows["queries"], *rows["candidates"]})
    tables = {}
    for system, group in rows.groupby("system", sort=False):
        table = group.pivot(index="queries", columns="candidates", values="value")
        name = f"{system} (mean {group['value'].mean():.1f})"
        tables[name] = table.reindex(index=languages, columns=languages)
    return plot_heat_maps(tables, title, "candidates", "queries", "R@1 (%)")


def plot_languages(rows: pd.DataFrame, title: str) -> Figure:
    """R@1, a row for each language and a mark for each system, sorted by the last system.

    A row is a language of the queries, with the mean over the languages of the candidates. If all queries are in one
    language, a row is a language of the candidates.

    Args:
        rows: `single_directions` of one attribute and set.
    """
    side, other = ("queries", "candidates") if rows["queries"].nunique() > 1 else ("candidates", "queries")
    systems = list(rows["system"].unique())
    table = rows.pivot_table("value", side, "system")[systems].sort_values(systems[-1])
    others = sorted(rows[other].unique())
    which = others[0] if len(others) == 1 else f"mean of {len(others)} languages"
    with house_style():
        figure, axes = plt.subplots(figsize=(5.4, 1.4 + 0.15 * len(table)))
        places = range(len(table))
        for system in systems:
            mean = f"{system} (mean {table[system].mean():.1f})"
            axes.plot(table[system], places, linestyle="none", markersize=4, label=mean, **style_of(systems, system))
        axes.set_yticks(places, table.index, fontsize=7)
        axes.set_ylim(-1, len(table))
        axes.set_xlim(-1.5, 101.5)
        axes.set_xlabel(f"R@1 (%), {other}: {which}")
        axes.set_ylabel(side)
        axes.set_title(title)
        figure.legend(loc="outside lower center", ncols=min(3, len(systems)))
    return figure


def plot_heat_maps(tables: Mapping[str, pd.DataFrame], title: str, xlabel: str, ylabel: str, unit: str) -> Figure:
    """A heat map of percentages for each name, on one color scale.

    Args:
        tables: name -> table; all have the same rows and columns, NaN where there is no value.
        unit: label of the color bar.
    """
    num_rows = max(len(table) for table in tables.values())
    is_legible = num_rows <= MAX_LEGIBLE_ROWS
    side = 1.3 + (0.4 * num_rows if is_legible else 5.0)
    with house_style():
        figure, grid = panel_grid(list(tables), (side + 0.2, side + 0.3), sharey=True)
        for axes, table in zip(grid.flat, tables.values(), strict=False):
            image = _heat_map(axes, table, is_legible)
            axes.set_xlabel(xlabel)
        for axes in grid[:, 0]:
            axes.set_ylabel(ylabel)
        figure.colorbar(image, ax=grid, label=unit, fraction=0.03, pad=0.02)
        figure.suptitle(title, fontsize=10)
    return figure


def _heat_map(axes: Axes, table: pd.DataFrame, is_legible: bool) -> AxesImage:
    colors = plt.get_cmap("YlGnBu").with_extremes(bad="#F2F2F2")
    image = axes.imshow(np.ma.masked_invalid(table.to_numpy()), cmap=colors, vmin=0, vmax=100, aspect="equal")
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    if not is_legible:
        axes.set_xticks([])
        axes.set_yticks([])
        return image
    axes.set_xticks(range(table.shape[1]), table.columns, rotation=90)
    axes.set_yticks(range(table.shape[0]), table.index)
    for row, column in np.argwhere(table.to_numpy() > 0):
        value = table.iat[row, column]
        color = "white" if value > 55 else "black"
        axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=7, color=color)
    return image
