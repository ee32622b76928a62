"""Tables of labels from results.tsv: what attributes' own classifiers and regressions reach."""

import pandas as pd

from espnet_ext.report.label_set import PROTOCOL
from espnet_ext.report.markdown import Table
from espnet_ext.report.retrieval_tables import INTERVALS
from espnet_ext.report.select import chance_rows, ordered, pick, pivot
from espnet_ext.scoring.classification import METRICS as CLASS_METRICS
from espnet_ext.scoring.regression import METRICS as NUMBER_METRICS

METRICS = {"classification": CLASS_METRICS, "regression": NUMBER_METRICS}
TITLES = {"classification": "Classification", "regression": "Regression"}
LEFT_OUT = "where nobody knows the speakers, each utterance is its own."
CAPTIONS = {
    "classification": "In percent; balanced accuracy and macro-F1 are means over the classes of the set, of recall and "
    "of F1; what is answered beside them is a miss. Chance: the better of always the most frequent class and of any "
    "class with equal odds. `unknown`: utterances of classes that training does not have, `unlabelled`: of none; both "
    f"are left out. {INTERVALS} speakers; {LEFT_OUT}",
    "regression": "Mean absolute error and root mean squared error in the label's unit, Pearson's and Lin's "
    "concordance correlation. Chance: always the mean of the training set. `unlabelled` utterances are left out. "
    f"{INTERVALS} speakers; {LEFT_OUT}",
}
# Counts, and their headings where these differ.
COLUMNS = {
    "n": "utterances",
    "classes": "classes",
    "units": "speakers",
    "unknown": "unknown",
    "unlabelled": "unlabelled",
}


def label_columns(results: pd.DataFrame) -> list[tuple[str, dict[str, str]]]:
    """Columns of the main table: every attribute that declares classes or numbers."""
    columns = []
    for task, metrics in METRICS.items():
        for attribute, part in ordered(pick(results, task=task, protocol=PROTOCOL), "attribute", "set"):
            base = {"attribute": attribute, "task": task, "protocol": PROTOCOL, "set": part}
            columns += [(f"{attribute} {metric}", base | {"metric": metric}) for metric in metrics]
    return columns


def label_tables(results: pd.DataFrame) -> list[Table]:
    """A table for classes and one for numbers."""
    return [_table(pick(results, task=task, protocol=PROTOCOL), task) for task in METRICS]


def _table(rows: pd.DataFrame, task: str) -> Table:
    counts = [name for name in COLUMNS if name == "n" or (rows["metric"] == name).any()]
    index = ["attribute", "set", "system"]
    # The lines of a set are followed by its chance levels.
    of_sets = [pick(rows, attribute=attribute, set=part) for attribute, part in ordered(rows, "attribute", "set")]
    parts = [part for group in of_sets for part in (group, chance_rows(group, system="chance"))]
    lines = pivot(pd.concat(parts), index, [*METRICS[task], *counts]) if parts else []
    header = [*index, *METRICS[task], *(COLUMNS[name] for name in counts)]
    return Table(TITLES[task], CAPTIONS[task], header, lines, names=3)
