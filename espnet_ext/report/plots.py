"""Plots of results: DET curves, layer weights."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import norm

from espnet_ext.report.style import house_style, look
from espnet_ext.scoring.roc import Roc, sort_trials

DET_TICKS = (0.1, 0.5, 1, 2, 5, 10, 20, 40, 60, 80)
# Normal deviates; the frame is at most 4 of them, 600 pixels, wide.
DET_PIXEL = 0.003


def plot_det(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], title: str) -> Figure:
    """DET curves on normal-deviate axes, the EER marked on each.

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
            style = look(list(curves), system)
            axes.plot(*det_points(roc), color=style["color"], label=f"{system}, EER {eer:.1f} %")
            mark = _deviates(eer / 100)
            axes.plot(mark, mark, **style, markeredgecolor="white", markersize=7)
        _det_axes(axes, lowest)
        axes.set_title(title)
        axes.legend(loc="upper right")
    return figure


def det_points(roc: Roc) -> tuple[np.ndarray, np.ndarray]:
    """False acceptance and rejection in normal deviates; of corners that fall on one pixel, the first alone."""
    points = np.stack([_deviates(roc.alarm_rates()), _deviates(roc.miss_rates())])
    pixels = np.round(points / DET_PIXEL)
    moves = np.append(True, (np.diff(pixels, axis=1) != 0).any(axis=0))
    return tuple(points[:, moves])


def _deviates(rates: np.ndarray | float) -> np.ndarray:
    # A rate of 0 or 1 has no place on these axes: the curve leaves the frame there.
    return norm.ppf(np.clip(rates, 1e-6, 1 - 1e-6))


def _det_axes(axes: Axes, lowest_eer: float) -> None:
    """Probability ticks, and a frame that reaches from well below the best EER to 80 %."""
    low = next((tick for tick in reversed(DET_TICKS) if tick < lowest_eer / 4), DET_TICKS[0])
    ticks = [tick for tick in DET_TICKS if tick >= low]
    places = norm.ppf(np.array(ticks) / 100)
    axes.axline((0, 0), slope=1, color="#9A9A9A", linewidth=0.8, linestyle=":", zorder=1)
    for set_ticks, set_limits in ((axes.set_xticks, axes.set_xlim), (axes.set_yticks, axes.set_ylim)):
        set_ticks(places, [f"{tick:g}" for tick in ticks])
        set_limits(places[0], places[-1])
    axes.set_aspect("equal")
    axes.set_xlabel("false acceptance (%)")
    axes.set_ylabel("false rejection (%)")


def plot_layer_weights(weights: Mapping[str, Sequence[float]]) -> Figure:
    """Which encoder layers each attribute reads: softmaxed mixing weights, layer 0 = the encoder's input.

    Args:
        weights: attribute -> (layers,) weights that sum to one.
    """
    layers = max(len(values) for values in weights.values())
    with house_style():
        figure, axes = plt.subplots(figsize=(min(9.0, 3.2 + 0.35 * layers), 3.2))
        for attribute, values in weights.items():
            style = look(list(weights), attribute)
            axes.plot(range(len(values)), values, label=attribute, markersize=5, **style)
        axes.axhline(1 / layers, color="#9A9A9A", linewidth=0.8, linestyle=":", zorder=1)
        axes.annotate(
            "uniform",
            (layers - 1, 1 / layers),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color="#707070",
        )
        axes.set_ylim(bottom=0)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("encoder layer")
        axes.set_ylabel("weight")
        axes.set_title("What each attribute reads")
        axes.legend()
    return figure
