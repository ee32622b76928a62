"""The look that all plots share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no display on a training machine
import matplotlib.pyplot as plt  # noqa: E402  (after the backend is chosen)
from matplotlib.figure import Figure  # noqa: E402

from espnet_ext.utils.atomic import atomic_path  # noqa: E402

# Okabe and Ito's colours, distinct for the colour-blind, too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
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


@contextmanager
def house_style() -> Iterator[None]:
    """Draw inside this context."""
    with plt.rc_context(SETTINGS):
        yield


def look(names: Sequence[str], name: str) -> dict[str, str]:
    """Colour and marker of one of several names, the same in every plot that has these names."""
    index = list(names).index(name)
    return {"color": COLOURS[index % len(COLOURS)], "marker": MARKERS[index % len(MARKERS)]}


def save(figure: Figure, path: Path) -> None:
    """Write a PNG, whole or not at all, and let go of the figure."""
    with atomic_path(path) as temporary:
        # Without the program's name the bytes do not depend on what is installed.
        figure.savefig(temporary, format="png", metadata={"Software": None})
    plt.close(figure)
