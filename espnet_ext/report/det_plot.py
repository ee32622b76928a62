"""DET curves of trial lists, from the scores that scoring wrote."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import norm

from espnet_ext.report.style import REFERENCE_LINE, house_style, style_of
from espnet_ext.report.table import distinct, read_table, select_rows
from espnet_ext.scoring.roc import Roc, sort_trials

TICKS = (0.1, 0.5, 1, 2, 5, 10, 20, 40, 60, 80)
# Normal deviates; the frame is at most 4 of them, 600 pixels, wide.
PIXEL = 0.003


def det_figures(results: pd.DataFrame, scores_dir: Path) -> list[tuple[str, Figure]]:
    """(file name, figure) for each trial list, with every system's embedding of the attribute that verifies."""
    rows = select_rows(results, task="verification")
    figures = []
    for (attribute, set_name, trials), group in rows.groupby(["attribute", "set", "protocol"], sort=False):
        curves = {}
        for (system,) in distinct(group, "system"):
            path = scores_dir / system / attribute / set_name / f"{trials}.tsv"
            table = read_table(path, {"label": int, "score": float}, "trial scores")
            curves[system] = table["score"].to_numpy(), table["label"].to_numpy() == 1
        title = f"Trials `{trials}` of {set_name} ({attribute} embedding)"
        figures.append((f"det_{attribute}_{set_name}_{trials}.png", plot_det(curves, title)))
    return figures


def plot_det(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], title: str) -> Figure:
    """DET curves on normal-deviate axes, with a mark at each EER.

    Args:
        curves: system -> scores and bool labels of the same trials, (trials,) each.
    """
    with house_style():
        figure, axes = plt.subplots(figsize=(5.4, 5.2))
        lowest = 100.0
        for system, (scores, labels) in curves.items():
            roc = sort_trials(scores, labels).plain_roc()
            eer = roc.eer()
            lowest = min(lowest, eer)
            style = style_of(list(curves), system)
            axes.plot(*det_points(roc), color=style["color"], label=f"{system}, EER {eer:.1f} %")
            mark = _deviates(eer / 100)
            axes.plot(mark, mark, **style, markeredgecolor="white", markersize=7)
        _det_axes(axes, lowest)
        axes.set_title(title)
        axes.legend(loc="upper right")
    return figure


def det_points(roc: Roc) -> tuple[np.ndarray, np.ndarray]:
    """False acceptance and rejection rates in normal deviates; only the first of the corners within one pixel."""
    points = np.stack([_deviates(roc.alarm_rates()), _deviates(roc.miss_rates())])
    pixels = np.round(points / PIXEL)
    moves = np.append(True, (np.diff(pixels, axis=1) != 0).any(axis=0))
    return tuple(points[:, moves])


def _deviates(rates: np.ndarray | float) -> np.ndarray:
    # Rates of 0 and 1 are infinite on these axes; clipped, they are outside the frame.
    return norm.ppf(np.clip(rates, 1e-6, 1 - 1e-6))


def _det_axes(axes: Axes, lowest_eer: float) -> None:
    """Set probability ticks, and a frame from well below the lowest EER to 80 %."""
    low = next((tick for tick in reversed(TICKS) if tick < lowest_eer / 4), TICKS[0])
    ticks = [tick for tick in TICKS if tick >= low]
    places = norm.ppf(np.array(ticks) / 100)
    axes.axline((0, 0), slope=1, **REFERENCE_LINE)
    for set_ticks, set_limits in ((axes.set_xticks, axes.set_xlim), (axes.set_yticks, axes.set_ylim)):
        set_ticks(places, [f"{tick:g}" for tick in ticks])
        set_limits(places[0], places[-1])
    axes.set_aspect("equal")
    axes.set_xlabel("false acceptance (%)")
    axes.set_ylabel("false rejection (%)")
