"""Style and common parts of all plots."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no display on a training machine
import matplotlib.pyplot as plt  # noqa: E402  (after the backend is selected)
import numpy as np  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from espnet_ext.utils.atomic import atomic_path  # noqa: E402

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
