"""Style and common parts of all plots."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no display on a training machine
import matplotlib.pyplot as plt  # noqa: E402  (after the backend is selected)
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.image import AxesImage  # noqa: E402

from espnet_ext.data.atomic import atomic_path  # noqa: E402

# Okabe and Ito's colors, which color-blind readers can distinguish.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
SETTINGS = {
    "figure.dpi": 150,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "savefig.dpi": 150,
}
REFERENCE_LINE = {"color": "#9A9A9A", "linewidth": 0.8, "linestyle": ":", "zorder": 1}
MAX_COLUMNS = 3
# Names and values of larger heat maps are not legible: only colors are drawn.
MAX_LEGIBLE_ROWS = 24


@contextmanager
def house_style() -> Iterator[None]:
    """Context in which plots are drawn."""
    with plt.rc_context(SETTINGS):
        yield


def style_of(names: Sequence[str], name: str) -> dict[str, str]:
    """Color and marker of one of several names, the same in every plot of these names."""
    index = list(names).index(name)
    return {"color": COLORS[index % len(COLORS)], "marker": MARKERS[index % len(MARKERS)]}


def save(figure: Figure, path: Path) -> None:
    """Write a PNG atomically, and close the figure."""
    with atomic_path(path) as temporary:
        # Without the program's name the bytes do not depend on installed versions.
        figure.savefig(temporary, format="png", metadata={"Software": None})
    plt.close(figure)


def panel_grid(names: Sequence[str], size: tuple[float, float], **sharing: bool) -> tuple[Figure, np.ndarray]:
    """A figure with a titled panel for each name, at most MAX_COLUMNS in a row.

    Args:
        size: width and height of a panel in inches.

    Returns:
        the figure, and (rows, columns) axes.
    """
    columns = min(MAX_COLUMNS, len(names))
    rows = math.ceil(len(names) / columns)
    inches = (columns * size[0] + 0.4, rows * size[1] + 0.4)
    figure, grid = plt.subplots(rows, columns, figsize=inches, squeeze=False, **sharing)
    for axes, name in zip(grid.flat, names, strict=False):
        axes.set_title(name)
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    return figure, grid


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
