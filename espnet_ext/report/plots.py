"""All plots of a report."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from espnet_ext.report.confusion_plot import confusion_figures
from espnet_ext.report.det_plot import det_figures
from espnet_ext.report.pair_plots import pair_figures
from espnet_ext.report.plot_text import make_readable
from espnet_ext.report.style import save
from espnet_ext.report.training_plots import plot_curves, plot_layer_weights, read_curves, read_layer_weights


class Plots(NamedTuple):
    """PNG files, and word -> the number that replaces it in them (see `make_readable`)."""

    paths: list[Path]
    numbers: dict[str, int]


def write_plots(
    results: pd.DataFrame, scores_dir: Path, out_dir: Path, layer_weights: Path | None, curves: Sequence[Path]
) -> Plots:
    """Draw all plots for which there is data."""
    figures = [*det_figures(results, scores_dir), *pair_figures(results), *confusion_figures(results, scores_dir)]
    if layer_weights:
        figures.append(("layer_weights.png", plot_layer_weights(read_layer_weights(layer_weights))))
    if curves:
        figures.append(("training_curves.png", plot_curves(read_curves(curves))))
    numbers: dict[str, int] = {}
    for name, figure in figures:
        make_readable(figure, numbers)
        save(figure, out_dir / name)
    return Plots([out_dir / name for name, _ in figures], numbers)
