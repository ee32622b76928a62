"""Tables of speaker verification and of predicted labels."""

from collections.abc import Mapping

import pandas as pd

from espnet_ext.evaluation.label_set import PROTOCOL
from espnet_ext.evaluation.results import AS_NORM, CONTAMINATED
from espnet_ext.report.table import INTERVALS, Table, chance_rows, distinct, score_table, select_rows
from espnet_ext.scoring.predictions import CLASS_METRICS, NUMBER_METRICS
from espnet_ext.scoring.score_norm import TOP_SPEAKERS
from espnet_ext.scoring.verification import CALIBRATED_METRICS, METRICS, PRIORS

# Heading of a column, and the values of results.tsv that select its rows.
Column = tuple[str, Mapping[str, str]]
MARK = " †"
CAPTION = (
    "Cosine of whole utterances. EER in percent, chance 50; minDCF normalized (C_miss = C_fa = 1) at the target "
    "prior in brackets, 1 for accepting or rejecting everything. AS-norm: mean over both sides of the z-score among "
    f"the {TOP_SPEAKERS} nearest speakers of the training cohort (all, if there are fewer). {INTERVALS} speakers. "
    "†: contaminated, the speakers of this list were in the training data of a teacher or of the encoder, so they are "
    "not unseen speakers."
)
CAPTION_CALIBRATED = (
    "Scores mapped to log-likelihood ratios by a line fitted on trials of other speakers. actDCF: cost of "
    "the decisions at the threshold of the prior in brackets, at best minDCF; Cllr: bits, at best minCllr. "
    f"Uninformative scores have 1. {INTERVALS} speakers. †: contaminated, see above."
)
COSTS = [f"{kind}DCF({prior})" for prior in PRIORS for kind in ("act", "min")] + ["Cllr", "minCllr"]
LABEL_METRICS = {"classification": CLASS_METRICS, "regression": NUMBER_METRICS}
SPEAKERS = "speakers; if the speakers are unknown, each utterance is its own speaker."
LABEL_CAPTIONS = {
    "classification": "In percent; balanced accuracy and macro-F1 are means over the classes of the set, of recall and "
    "of F1; a prediction of another class is a miss. Chance: the better of always the most frequent class and of a "
    "uniformly random class. `unknown`: utterances of classes that are not in the training set, `unlabelled`: "
    f"utterances without a label; both are excluded. {INTERVALS} {SPEAKERS}",
    "regression": "Mean absolute error and root mean squared error in the label's unit, Pearson's and Lin's "
    "concordance correlation. Chance: always the mean of the training set. `unlabelled` utterances are excluded. "
    f"{INTERVALS} {SPEAKERS}",
}
LABEL_COUNTS = {
    "n": "utterances",
    "classes": "classes",
    "units": "speakers",
    "unknown": "unknown",
    "unlabelled": "unlabelled",
}


def show_protocol(protocol: str) -> str:
    """`E-asnorm-contaminated` as `E, AS-norm †`."""
    name = protocol.removesuffix(CONTAMINATED)
    mark = MARK if name != protocol else ""
    return (f"{name.removesuffix(AS_NORM)}, AS-norm" if name.endswith(AS_NORM) else name) + mark


def verification_columns(results: pd.DataFrame) -> list[Column]:
    """Columns of the main table: plain cosines on lists of unseen speakers."""
    rows = select_rows(results, task="verification")
    rows = rows[~rows["protocol"].str.endswith((AS_NORM, CONTAMINATED))]
    columns: list[Column] = []
    for attribute, set_name, trials in distinct(rows, "attribute", "set", "protocol"):
        base = {"attribute": attribute, "task": "verification", "set": set_name, "protocol": trials}
        columns += [(metric, base | {"metric": metric}) for metric in METRICS]
    return columns


def verification_tables(results: pd.DataFrame) -> list[Table]:
    """EER and minDCF of every list, and costs of the calibrated lists."""
    rows = select_rows(results, task="verification")
    rows = rows.assign(trials=rows["protocol"].map(show_protocol))
    calibrated = rows[rows["protocol"].isin(rows["protocol"][rows["metric"].isin(CALIBRATED_METRICS)])]
    index = ["system", "attribute", "set", "trials"]
    counts = {"n": "number", "targets": "target", "speakers": "speakers"}
    return [
        score_table(title, caption, lists, index, {metric: metric for metric in metrics} | counts)
        for title, caption, lists, metrics in (
            ("Speaker verification", CAPTION, rows, METRICS),
            ("Calibrated speaker verification", CAPTION_CALIBRATED, calibrated, COSTS),
        )
    ]


def label_columns(results: pd.DataFrame) -> list[Column]:
    """Columns of the main table: every attribute with classes or numbers."""
    columns: list[Column] = []
    for task, metrics in LABEL_METRICS.items():
        for attribute, set_name in distinct(select_rows(results, task=task, protocol=PROTOCOL), "attribute", "set"):
            base = {"attribute": attribute, "task": task, "protocol": PROTOCOL, "set": set_name}
            columns += [(f"{attribute} {metric}", base | {"metric": metric}) for metric in metrics]
    return columns


def label_tables(results: pd.DataFrame) -> list[Table]:
    """A table of classes and one of numbers; the lines of each set are followed by its chance levels."""
    tables = []
    for task, metrics in LABEL_METRICS.items():
        rows = select_rows(results, task=task, protocol=PROTOCOL)
        groups = [group for _, group in rows.groupby(["attribute", "set"], sort=False)]
        lines = [part for group in groups for part in (group, chance_rows(group, system="chance"))]
        headings = {metric: metric for metric in metrics}
        headings |= {name: text for name, text in LABEL_COUNTS.items() if name in {"n", *rows["metric"]}}
        table = pd.concat(lines) if lines else rows
        tables.append(
            score_table(task.capitalize(), LABEL_CAPTIONS[task], table, ["attribute", "set", "system"], headings)
        )
    return tables
