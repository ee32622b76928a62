"""Tables of speaker verification from results.tsv: every trial list, plain and normalised, and calibration."""

from collections.abc import Mapping, Sequence

import pandas as pd

from espnet_ext.report.markdown import Table
from espnet_ext.report.results import AS_NORM, CONTAMINATED
from espnet_ext.report.retrieval_tables import INTERVALS
from espnet_ext.report.select import ordered, pick, pivot
from espnet_ext.scoring.score_norm import TOP_SPEAKERS
from espnet_ext.scoring.verification import CALIBRATED_METRICS, METRICS, PRIORS

MARK = " †"
CAPTION = (
    "Cosine of whole utterances. EER in percent, chance 50; minDCF normalised (C_miss = C_fa = 1) at the target "
    "prior in brackets, 1 for accepting or refusing everything. AS-norm: of each side the z-score among its "
    f"{TOP_SPEAKERS} nearest speakers of the training cohort (all, if there are fewer), averaged. {INTERVALS} "
    "speakers. †: contaminated, the speakers of this list were in the training data of a teacher or of the encoder; "
    "not a figure of unseen speakers."
)
CAPTION_CALIBRATED = (
    "Scores made log-likelihood ratios by a line learnt on trials of other speakers. actDCF: cost of the decisions "
    "at the threshold of the prior in brackets, at best minDCF; Cllr: bits, at best minCllr. 1 for scores that say "
    f"nothing. {INTERVALS} speakers. †: contaminated, see above."
)
COSTS = [f"{kind}DCF({prior})" for prior in PRIORS for kind in ("act", "min")] + ["Cllr", "minCllr"]
Column = tuple[str, Mapping[str, str]]


def show_protocol(protocol: str) -> str:
    """`E-asnorm-contaminated` as `E, AS-norm †`."""
    name = protocol.removesuffix(CONTAMINATED)
    mark = MARK if name != protocol else ""
    return (f"{name.removesuffix(AS_NORM)}, AS-norm" if name.endswith(AS_NORM) else name) + mark


def verification_columns(results: pd.DataFrame) -> list[Column]:
    """Columns of the main table: plain cosines on lists of unseen speakers."""
    rows = pick(results, task="verification")
    rows = rows[~rows["protocol"].str.endswith((AS_NORM, CONTAMINATED))]
    columns = []
    for attribute, part, trials in ordered(rows, "attribute", "set", "protocol"):
        base = {"attribute": attribute, "task": "verification", "set": part, "protocol": trials}
        columns += [(metric, base | {"metric": metric}) for metric in METRICS]
    return columns


def verification_tables(results: pd.DataFrame) -> list[Table]:
    """EER and minDCF of every list; what calibration costs, where there was one."""
    rows = pick(results, task="verification")
    calibrated = rows[rows["protocol"].isin(rows["protocol"][rows["metric"].isin(CALIBRATED_METRICS)])]
    return [
        _table(rows, "Speaker verification", CAPTION, METRICS),
        _table(calibrated, "Calibrated speaker verification", CAPTION_CALIBRATED, COSTS),
    ]


def _table(rows: pd.DataFrame, title: str, caption: str, metrics: Sequence[str]) -> Table:
    rows = rows.assign(trials=rows["protocol"].map(show_protocol))
    index = ["system", "attribute", "set", "trials"]
    lines = pivot(rows, index, [*metrics, "n", "targets", "speakers"])
    return Table(title, caption, [*index, *metrics, "number", "target", "speakers"], lines, names=4)
