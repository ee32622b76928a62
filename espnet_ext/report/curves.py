"""Training curves from curves.tsv: columns `phase epoch split key value`, one row a statistic of an epoch."""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from espnet_ext.report.select import ordered, pick
from espnet_ext.report.style import house_style, look
from espnet_ext.utils.errors import UserError

COLUMNS = ["phase", "epoch", "split", "key", "value"]


def read_curves(paths: Sequence[Path]) -> pd.DataFrame:
    """Read the curves.tsv of one or more phases, in their order; `epoch` counts from 1 in each phase.

    Raises:
        UserError: no such file, other columns, or a number that is none.
    """
    return pd.concat([_read_phase(path) for path in paths], ignore_index=True)


def _read_phase(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path, sep="\t", dtype={"phase": str, "split": str, "key": str})
        if list(frame.columns) != COLUMNS:
            raise ValueError(f"columns must be {' '.join(COLUMNS)}")
        return frame.astype({"epoch": int, "value": float})
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as training curves: {error}") from None


def plot_curves(curves: pd.DataFrame) -> Figure:
    """A panel for each key, a line for each split; phases side by side on one axis of epochs."""
    phases = [phase for (phase,) in ordered(curves, "phase")]
    lengths = [int(pick(curves, phase=phase)["epoch"].max()) for phase in phases]
    starts = {phase: sum(lengths[:i]) for i, phase in enumerate(phases)}
    curves = curves.assign(step=curves["epoch"] + curves["phase"].map(starts))
    keys = [key for (key,) in ordered(curves, "key")]
    splits = [split for (split,) in ordered(curves, "split")]
    columns = min(3, len(keys))
    rows = math.ceil(len(keys) / columns)
    with house_style():
        figure, grid = plt.subplots(
            rows, columns, figsize=(3.3 * columns, 2.3 * rows + 0.3), squeeze=False, sharex=True
        )
        for axes in grid.flat[len(keys) :]:
            axes.set_axis_off()
        for axes, key in zip(grid.flat, keys, strict=False):
            _panel(axes, pick(curves, key=key), splits)
            axes.set_title(key)
            _mark_phases(axes, starts)
        for axes in grid.flat[max(0, len(keys) - columns) : len(keys)]:
            axes.set_xlabel("epoch")
            axes.tick_params(labelbottom=True)
        # Not every panel has every split: gather the entries of all.
        entries = {
            label: handle for axes in grid.flat for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(entries.values(), entries.keys(), loc="outside upper right", ncols=len(entries))
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, splits: list[str]) -> None:
    for split in splits:
        style = look(splits, split)
        for i, (phase,) in enumerate(ordered(rows, "phase")):
            line = pick(rows, split=split, phase=phase).sort_values("step")
            # One entry in the legend for all phases of a split.
            axes.plot(line["step"], line["value"], markersize=3, label=None if i else split, **style)
    axes.set_xlim(left=0.3)
    axes.margins(y=0.14)  # room for the names of the phases
    axes.xaxis.get_major_locator().set_params(integer=True)


def _mark_phases(axes: Axes, starts: dict[str, int]) -> None:
    """A dotted line where a phase begins, with its name, when there are several."""
    if len(starts) < 2:
        return
    for phase, start in starts.items():
        axes.axvline(start + 0.5, color="#9A9A9A", linewidth=0.8, linestyle=":", zorder=1)
        axes.annotate(
            phase,
            (start + 0.5, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3, -2),
            textcoords="offset points",
            va="top",
            fontsize=7,
            color="#707070",
        )
