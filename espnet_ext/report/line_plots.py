"""DET curves of trial lists, curves of the training, weights of encoder layers."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import norm

from espnet_ext.report.style import MAX_COLUMNS, REFERENCE_LINE, house_style, panel_grid, style_of
from espnet_ext.report.table import distinct, read_table, select_rows
from espnet_ext.scoring.roc import Roc, sort_trials
from espnet_ext.utils.errors import UserError

TICKS = (0.1, 0.5, 1, 2, 5, 10, 20, 40, 60, 80)
# Normal deviates; the frame is at most 4 of them, 600 pixels, wide.
PIXEL = 0.003
# Columns of curves.tsv, which has one row per statistic and epoch.
CURVE_COLUMNS = {"phase": str, "epoch": int, "split": str, "key": str, "value": float}


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


def read_curves(paths: Sequence[Path]) -> pd.DataFrame:
    """Read curves.tsv of one or more phases, in their order; `epoch` starts at 1 in each phase.

    Raises:
        UserError: no such file, a missing column, or an invalid number.
    """
    return pd.concat([read_table(path, CURVE_COLUMNS, "training curves") for path in paths], ignore_index=True)


def plot_curves(curves: pd.DataFrame) -> Figure:
    """A panel for each key, a line for each split; phases follow each other on the axis of epochs."""
    starts, start = {}, 0
    for phase, rows in curves.groupby("phase", sort=False):
        starts[phase] = start
        start += int(rows["epoch"].max())
    curves = curves.assign(step=curves["epoch"] + curves["phase"].map(starts))
    keys, splits = list(curves["key"].unique()), list(curves["split"].unique())
    with house_style():
        figure, grid = panel_grid(keys, (3.3, 2.3), sharex=True)
        for axes, key in zip(grid.flat, keys, strict=False):
            _panel(axes, select_rows(curves, key=key), splits)
            _mark_phases(axes, starts)
        for axes in grid.flat[max(0, len(keys) - MAX_COLUMNS) : len(keys)]:
            axes.set_xlabel("epoch")
            axes.tick_params(labelbottom=True)
        # A panel may lack a split, so the legend entries of all panels are collected.
        entries = {
            label: handle for axes in grid.flat for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(entries.values(), entries.keys(), loc="outside upper right", ncols=len(entries))
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, splits: list[str]) -> None:
    for split in splits:
        style = style_of(splits, split)
        for i, (phase,) in enumerate(distinct(rows, "phase")):
            line = select_rows(rows, split=split, phase=phase).sort_values("step")
            # One legend entry for all phases of a split.
            axes.plot(line["step"], line["value"], markersize=3, label=None if i else split, **style)
    axes.set_xlim(left=0.3)
    axes.margins(y=0.14)  # room for the names of the phases
    axes.xaxis.get_major_locator().set_params(integer=True)


def _mark_phases(axes: Axes, starts: dict[str, int]) -> None:
    """Mark the start of each phase with a line and its name, if there are several."""
    if len(starts) < 2:
        return
    for phase, start in starts.items():
        axes.axvline(start + 0.5, **REFERENCE_LINE)
        place = {"xycoords": ("data", "axes fraction"), "xytext": (3, -2), "textcoords": "offset points", "va": "top"}
        axes.annotate(phase, (start + 0.5, 1), fontsize=7, color="#707070", **place)


def read_layer_weights(path: Path) -> dict[str, list[float]]:
    """Read `{attribute: [weight of layer 0, ...]}`.

    Raises:
        UserError: no such file, or another form.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        weights = {attribute: [float(value) for value in values] for attribute, values in content.items()}
        if not weights or not all(weights.values()):
            raise ValueError("no weights")
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: cannot be read as layer weights ({error}); run the training stage") from None
    return weights


def plot_layer_weights(weights: Mapping[str, Sequence[float]]) -> Figure:
    """Softmaxed mixing weights of the encoder layers for each attribute; layer 0 is the encoder's input.

    Args:
        weights: attribute -> (layers,) weights that sum to one.
    """
    layers = max(len(values) for values in weights.values())
    with house_style():
        figure, axes = plt.subplots(figsize=(min(9.0, 3.2 + 0.35 * layers), 3.2))
        for attribute, values in weights.items():
            axes.plot(range(len(values)), values, label=attribute, markersize=5, **style_of(list(weights), attribute))
        axes.axhline(1 / layers, **REFERENCE_LINE)
        place = {"xytext": (0, 3), "textcoords": "offset points", "ha": "right"}
        axes.annotate("uniform", (layers - 1, 1 / layers), fontsize=8, color="#707070", **place)
        axes.set_ylim(bottom=0)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("encoder layer")
        axes.set_ylabel("weight")
        axes.set_title("Layer weights of each attribute")
        axes.legend()
    return figure
