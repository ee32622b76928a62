"""Confusion matrices of attributes' own classifiers, from the counts that scoring wrote."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from espnet_ext.evaluation.label_set import CONFUSION, PROTOCOL
from espnet_ext.report.style import plot_heat_maps
from espnet_ext.report.table import distinct, read_table, select_rows

OTHERS = "(others)"
COLUMNS = {"true": str, "predicted": str, "count": int}


def confusion_figures(results: pd.DataFrame, scores_dir: Path) -> list[tuple[str, Figure]]:
    """(file name, figure) for each attribute and set: a matrix for every system that classifies it."""
    rows = select_rows(results, task="classification", protocol=PROTOCOL)
    figures = []
    for (attribute, set_name), group in rows.groupby(["attribute", "set"], sort=False):
        files = {name: scores_dir / name / attribute / set_name / CONFUSION for (name,) in distinct(group, "system")}
        counts = {name: read_table(path, COLUMNS, "confusions") for name, path in files.items()}
        # Two lines: with few classes and one system the figure is narrow.
        title = f"Confusions of {attribute}\n({set_name})"
        figures.append((f"confusion_{attribute}_{set_name}.png", plot_confusion(counts, title)))
    return figures


def confusion_shares(counts: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Percent of each true class's utterances, for every system.

    Rows are true classes. Columns are the same classes and, if a system predicts any other class, OTHERS. All systems
    have the same rows and columns, NaN where a system has no utterance of a class.

    Args:
        counts: system -> rows `true predicted count`.
    """
    rows = pd.concat(counts, names=["system"]).reset_index("system")
    classes = sorted(rows["true"].unique())
    is_class = rows["predicted"].isin(classes)
    rows["predicted"] = rows["predicted"].where(is_class, OTHERS)
    table = rows.pivot_table(index=["system", "true"], columns="predicted", values="count", aggfunc="sum")
    table = table.reindex(columns=classes if is_class.all() else [*classes, OTHERS]).fillna(0)
    shares = 100.0 * table.div(table.sum(axis=1), axis=0)
    return {system: shares.loc[system].reindex(classes) for system in counts}


def plot_confusion(counts: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """A matrix for each system, with true classes in rows.

    Args:
        counts: system -> rows `true predicted count`.
    """
    return plot_heat_maps(confusion_shares(counts), title, "predicted", "true", "% of the true class")
