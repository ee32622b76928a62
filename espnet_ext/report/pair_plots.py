"""R@1 by language: a heat map of language pairs, or one row per language if there are too many pairs."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from espnet_ext.report.retrieval_tables import single_directions
from espnet_ext.report.style import house_style, plot_heat_maps, style_of

# Values in heat maps of more languages are not legible.
MAX_HEAT_MAP_LANGUAGES = 16


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
