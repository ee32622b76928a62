"""Tables of speaker verification from results.tsv: every trial list, plain and normalised, and calibration."""

from collections.abc import Mapping

import pandas as pd

from espnet_ext.report.markdown import Table
from espnet_ext.report.results import AS_NORM, CONTAMINATED
from espnet_ext.report.retrieval_tables import INTERVALS
from espnet_ext.report.select import cell, count, ordered, pick
from espnet_ext.scoring.score_norm import TOP_SPEAKERS
from espnet_ext.scoring.verification import CALIBRATED_METRICS, METRICS, PRIORS

MARK = " †"
FOOTNOTE = (
    "†: contaminated, the speakers of this list were in the training data of a teacher or of the encoder; "
    "not a figure of unseen speakers."
)
Column = tuple[str, Mapping[str, str]]


def show_protocol(protocol: str) -> str:
    """`E-asnorm-contaminated` as tables say it: `E, AS-norm †`."""
    name = protocol.removesuffix(CONTAMINATED)
    mark = MARK if name != protocol else ""
    return (f"{name.removesuffix(AS_NORM)}, AS-norm" if name.endswith(AS_NORM) else name) + mark


def footnote(protocols: pd.Series) -> str:
    """What the mark means, where one of the protocols carries it."""
    return f" {FOOTNOTE}" if protocols.str.endswith(CONTAMINATED).any() else ""


def verification_columns(results: pd.DataFrame) -> tuple[list[Column], list[str]]:
    """Columns of the main table and what they rest on: plain cosines on lists of unseen speakers."""
    rows = pick(results, task="verification")
    rows = rows[~rows["protocol"].str.endswith((AS_NORM, CONTAMINATED))]
    columns, captions = [], []
    for attribute, part, trials in ordered(rows, "attribute", "set", "protocol"):
        base = {"attribute": attribute, "task": "verification", "set": part, "protocol": trials}
        columns += [(metric, base | {"metric": metric}) for metric in METRICS]
        captions.append(_caption(pick(results, **base), attribute, part, trials))
    return columns, captions


def _caption(rows: pd.DataFrame, attribute: str, part: str, trials: str) -> str:
    return (
        f"Verification by the `{attribute}` embedding on `{part}`, trials `{trials}`: "
        f"{count(rows, 'targets')} target trials of {count(rows, 'n')}, {count(rows, 'speakers')} speakers."
    )


def verification_tables(results: pd.DataFrame) -> list[Table]:
    """EER and minDCF of every list; what calibration costs, where there was one."""
    rows = pick(results, task="verification")
    caption = (
        "Cosine of whole utterances. EER in percent, chance 50; minDCF normalised (C_miss = C_fa = 1) at the "
        "target prior in brackets, 1 for accepting or refusing everything."
    )
    if rows["protocol"].str.contains(AS_NORM).any():
        caption += (
            f" AS-norm: of each side the z-score among its {TOP_SPEAKERS} nearest speakers of the training "
            "cohort (all, if there are fewer), averaged."
        )
    calibrated = rows[rows["protocol"].isin(rows["protocol"][rows["metric"].isin(CALIBRATED_METRICS)])]
    costs = [f"{kind}DCF({prior})" for prior in PRIORS for kind in ("act", "min")]
    return [
        _table(rows, "Speaker verification", caption, list(METRICS)),
        _table(
            calibrated,
            "Calibrated speaker verification",
            "Scores made log-likelihood ratios by a line learnt on trials of other speakers. actDCF: cost of the "
            "decisions at the threshold of the prior in brackets, at best minDCF; Cllr: bits, at best minCllr. "
            "1 for scores that say nothing.",
            [*costs, "Cllr", "minCllr"],
        ),
    ]


def _table(rows: pd.DataFrame, title: str, caption: str, metrics: list[str]) -> Table:
    lines = []
    for system, attribute, part, trials in ordered(rows, "system", "attribute", "set", "protocol"):
        group = pick(rows, system=system, attribute=attribute, set=part, protocol=trials)
        counts = [count(group, metric) for metric in ("n", "targets", "speakers")]
        values = [cell(group, metric=metric) for metric in metrics]
        lines.append([system, attribute, part, show_protocol(trials), *values, *counts])
    header = ["system", "attribute", "set", "trials", *metrics, "number", "target", "speakers"]
    caption = f"{caption} {INTERVALS} speakers.{footnote(rows['protocol'])}"
    return Table(title, caption, header, lines, names=4)
