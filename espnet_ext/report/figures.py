"""All plots of a run, drawn and written into one folder."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from espnet_ext.report.confusion_plot import confusion_figures
from espnet_ext.report.curves import plot_curves, read_curves
from espnet_ext.report.pair_plots import pair_figures
from espnet_ext.report.plot_text import make_readable
from espnet_ext.report.plots import plot_det, plot_layer_weights
from espnet_ext.report.select import ordered, pick
from espnet_ext.report.style import save
from espnet_ext.utils.errors import UserError


class Plots(NamedTuple):
    """PNG files, and word -> the number that stands for it in them (see `make_readable`)."""

    paths: list[Path]
    numbers: dict[str, int]


def write_plots(
    results: pd.DataFrame, scores_dir: Path, out_dir: Path, layer_weights: Path | None, curves: Sequence[Path]
) -> Plots:
    """Draw what there is data for."""
    figures = [*_det_figures(results, scores_dir), *pair_figures(results), *confusion_figures(results, scores_dir)]
    if layer_weights:
        figures.append(("layer_weights.png", plot_layer_weights(read_layer_weights(layer_weights))))
    if curves:
        figures.append(("training_curves.png", plot_curves(read_curves(curves))))
    numbers: dict[str, int] = {}
    for name, figure in figures:
        make_readable(figure, numbers)
        save(figure, out_dir / name)
    return Plots([out_dir / name for name, _ in figures], numbers)


def _det_figures(results: pd.DataFrame, scores_dir: Path) -> list[tuple[str, Figure]]:
    """A DET figure for each trial list: every system by the attribute's own head."""
    rows = pick(results, task="verification")
    figures = []
    for attribute, part, trials in ordered(rows, "attribute", "set", "protocol"):
        systems = ordered(pick(rows, attribute=attribute, set=part, protocol=trials), "system")
        files = {name: scores_dir / name / attribute / part / f"{trials}.tsv" for (name,) in systems}
        curves = {system: read_scores(path) for system, path in files.items()}
        name = f"det_{attribute}_{part}_{trials}.png"
        figures.append((name, plot_det(curves, f"Trials `{trials}` of {part} ({attribute} embedding)")))
    return figures


def read_scores(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Scores and bool labels, (trials,) each, of a file that scoring wrote.

    Raises:
        UserError: no such file, or another form.
    """
    try:
        frame = pd.read_csv(path, sep="\t", usecols=["label", "score"], quoting=csv.QUOTE_NONE)
        return frame["score"].to_numpy(np.float64), frame["label"].to_numpy(np.int64) == 1
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as trial scores ({error}); run the scoring stage") from None


def read_layer_weights(path: Path) -> dict[str, list[float]]:
    """Read `{attribute: [weight of layer 0, ...]}`.

    Raises:
        UserError: no such file, or another form.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        weights = {attribute: [float(value) for value in values] for attribute, values in content.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: cannot be read as {{attribute: [weights]}}: {error}") from None
    if not weights or not all(weights.values()):
        raise UserError(f"{path}: holds no layer weights")
    return weights
