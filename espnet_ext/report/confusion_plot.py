"""Confusion matrices of attributes' own classifiers, from the counts that scoring wrote."""

import csv
import math
from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from espnet_ext.report.label_set import CONFUSION, PROTOCOL
from espnet_ext.report.select import ordered, pick
from espnet_ext.report.style import house_style
from espnet_ext.utils.errors import UserError

# Of more classes than this, names and counts are not legible: colours alone are drawn.
MAX_LEGIBLE_CLASSES = 24
OTHERS = "(others)"


def confusion_figures(results: pd.DataFrame, scores_dir: Path) -> list[tuple[str, Figure]]:
    """(file name, figure) for each attribute and set: a matrix for every system that classifies it."""
    rows = pick(results, task="classification", protocol=PROTOCOL)
    figures = []
    for attribute, part in ordered(rows, "attribute", "set"):
        systems = ordered(pick(rows, attribute=attribute, set=part), "system")
        counts = {name: read_confusion(scores_dir / name / attribute / part / CONFUSION) for (name,) in systems}
        # Two lines: with few classes and one system the figure is narrow.
        title = f"Confusions of {attribute}\n({part})"
        figures.append((f"confusion_{attribute}_{part}.png", plot_confusion(counts, title)))
    return figures


def read_confusion(path: Path) -> pd.DataFrame:
    """Rows `true predicted count` of a file that scoring wrote.

    Raises:
        UserError: no such file, or another form.
    """
    try:
        types = {"true": str, "predicted": str}
        frame = pd.read_csv(path, sep="\t", dtype=types, keep_default_na=False, quoting=csv.QUOTE_NONE)
        return frame[["true", "predicted", "count"]].astype({"count": int})
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: cannot be read as confusions ({error}); run the scoring stage") from None


def confusion_shares(counts: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Percent of each true class's utterances, of every system.

    Rows are the true classes, columns these and, if a system answers anything else, OTHERS: the same of all systems,
    NaN where a system has none of a class.

    Args:
        counts: system -> rows `true predicted count`.
    """
    every = pd.concat(counts, names=["system"]).reset_index("system")
    classes = sorted(every["true"].unique())
    is_class = every["predicted"].isin(classes)
    every["predicted"] = every["predicted"].where(is_class, OTHERS)
    table = every.pivot_table(index=["system", "true"], columns="predicted", values="count", aggfunc="sum")
    table = table.reindex(columns=classes if is_class.all() else [*classes, OTHERS]).fillna(0)
    shares = 100.0 * table.div(table.sum(axis=1), axis=0)
    return {system: shares.loc[system].reindex(classes) for system in counts}


def plot_confusion(counts: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """A matrix for each system, true classes in rows, all on one colour scale.

    Args:
        counts: system -> rows `true predicted count`.
    """
    shares = confusion_shares(counts)
    num_classes = len(next(iter(shares.values())))
    is_legible = num_classes <= MAX_LEGIBLE_CLASSES
    columns = min(3, len(counts))
    rows = math.ceil(len(counts) / columns)
    size = 1.3 + (0.36 * num_classes if is_legible else 5.0)
    with house_style():
        inches = (columns * size + 0.9, rows * (size + 0.2) + 0.7)
        figure, grid = plt.subplots(rows, columns, figsize=inches, squeeze=False, sharey=True)
        for axes in grid.flat[len(counts) :]:
            axes.set_axis_off()
        for axes, (system, table) in zip(grid.flat, shares.items(), strict=False):
            image = _matrix(axes, table, is_legible)
            axes.set_title(system)
        for axes in grid[:, 0]:
            axes.set_ylabel("true")
        figure.colorbar(image, ax=grid, label="% of the true class", fraction=0.03, pad=0.02)
        figure.suptitle(title, fontsize=10)
    return figure


def _matrix(axes: Axes, shares: pd.DataFrame, is_legible: bool) -> AxesImage:
    image = axes.imshow(shares.to_numpy(), cmap="YlGnBu", vmin=0, vmax=100, aspect="equal")
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xlabel("answered")
    if not is_legible:
        axes.set_xticks([])
        axes.set_yticks([])
        return image
    axes.set_xticks(range(shares.shape[1]), shares.columns, rotation=90)
    axes.set_yticks(range(shares.shape[0]), shares.index)
    for row, column in np.argwhere(shares.to_numpy() > 0):
        share = shares.iat[row, column]
        colour = "white" if share > 55 else "black"
        axes.text(column, row, f"{share:.0f}", ha="center", va="center", fontsize=7, color=colour)
    return image
