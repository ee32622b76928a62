"""Tables of labels from results.tsv: what attributes' own classifiers and regressions reach."""

import pandas as pd

from espnet_ext.report.label_set import PROTOCOL
from espnet_ext.report.markdown import Table
from espnet_ext.report.retrieval_tables import INTERVALS
from espnet_ext.report.select import ABSENT, cell, chance, count, ordered, pick
from espnet_ext.scoring.classification import METRICS as CLASS_METRICS
from espnet_ext.scoring.regression import METRICS as NUMBER_METRICS

METRICS = {"classification": CLASS_METRICS, "regression": NUMBER_METRICS}
TITLES = {"classification": "Classification", "regression": "Regression"}
MEANINGS = {
    "classification": "In percent; balanced accuracy and macro-F1 are means over the classes of the set, of recall and "
    "of F1; what is answered beside them is a miss. Chance: the better of always the most frequent class and of any "
    "class with equal odds. `unknown`: utterances of classes that training does not have, `unlabelled`: of none; both "
    "are left out.",
    "regression": "Mean absolute error and root mean squared error in the label's unit, Pearson's and Lin's "
    "concordance correlation. Chance: always the mean of the training set. `unlabelled` utterances are left out.",
}
# Counts of utterances that are not scored.
LOST = ("unknown", "unlabelled")
NO_SPEAKERS = "where nobody knows them, each utterance is its own"


def label_columns(results: pd.DataFrame) -> tuple[list[tuple[str, dict[str, str]]], list[str]]:
    """Columns of the main table, and what they rest on: every attribute that declares classes or numbers."""
    columns, captions = [], []
    for task, metrics in METRICS.items():
        rows = pick(results, task=task, protocol=PROTOCOL)
        for attribute, part in ordered(rows, "attribute", "set"):
            base = {"attribute": attribute, "task": task, "protocol": PROTOCOL, "set": part}
            columns += [(f"{attribute} {metric}", base | {"metric": metric}) for metric in metrics]
            captions.append(_caption(pick(rows, attribute=attribute, set=part), task, attribute, part))
    return columns, captions


def _caption(rows: pd.DataFrame, task: str, attribute: str, part: str) -> str:
    counts = f"{count(rows, 'n')} utterances, "
    if task == "classification":
        counts += f"{count(rows, 'classes')} classes, "
    speakers = f"{count(rows, 'units')} speakers"
    if count(rows, "units") == count(rows, "n"):
        speakers = "speakers not known"
    lost = [f"{count(rows, name)} {name}" for name in LOST if (rows["metric"] == name).any()]
    left_out = f" (left out: {', '.join(lost)})" if lost else ""
    return f"{TITLES[task]} of `{attribute}` on `{part}`: {counts}{speakers}{left_out}."


def label_tables(results: pd.DataFrame) -> list[Table]:
    """A table for classes and one for numbers."""
    return [_table(pick(results, task=task, protocol=PROTOCOL), task) for task in METRICS]


def _table(rows: pd.DataFrame, task: str) -> Table:
    metrics = METRICS[task]
    counts = ["n", *(["classes"] if task == "classification" else []), "units"]
    lost = [name for name in LOST if (rows["metric"] == name).any()]
    lines = []
    for attribute, part in ordered(rows, "attribute", "set"):
        group = pick(rows, attribute=attribute, set=part)
        for (system,) in ordered(group, "system"):
            own = pick(group, system=system)
            values = [cell(own, metric=metric) for metric in metrics]
            numbers = [count(own, name) for name in (*counts, *lost)]
            lines.append([attribute, part, system, *values, *numbers])
        levels = [chance(group, metric=metric) for metric in metrics]
        lines.append([attribute, part, "chance", *levels, *[ABSENT] * (len(counts) + len(lost))])
    names = {"n": "utterances", "units": "speakers"}
    header = ["attribute", "set", "system", *metrics, *(names.get(name, name) for name in (*counts, *lost))]
    return Table(TITLES[task], f"{MEANINGS[task]} {INTERVALS} speakers; {NO_SPEAKERS}.", header, lines, names=3)
