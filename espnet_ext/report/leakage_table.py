"""Scores of every head on every attribute: a row for each head, a column for each score."""

import pandas as pd

from espnet_ext.report.markdown import Table
from espnet_ext.report.probe_set import PREFIX
from espnet_ext.report.results import UNTRAINED
from espnet_ext.report.retrieval_tables import INTERVALS
from espnet_ext.report.select import ABSENT, add_cells, number, ordered, pick
from espnet_ext.report.verification_tables import show_protocol

PROBE = f"{PREFIX}accuracy"
# Metric of a column -> what its rows count: `n`, then other metrics of the same protocol.
COUNTS = {
    "R@1": {"n": "queries", "sentences": "sentences"},
    "EER": {"n": "trials", "speakers": "speakers"},
    PROBE: {"n": "utterances", f"{PREFIX}classes": "classes", f"{PREFIX}units": "{}s", f"{PREFIX}left-out": "left out"},
}
CAPTION = (
    "The same scores of every head. A good head is strong where a score is its own (**bold**) and near chance "
    f"elsewhere; R@1 and EER are of plain cosines, percent. `{UNTRAINED}`: before post-training; a system's rows: "
    "after each phase of it. Probe: accuracy of logistic regression on the embedding, cross-validated `by speaker` "
    "(tested on speakers it was not trained on), or `by sentence` or `by utterance` where speakers cannot be held "
    "out (there, a set with one speaker per language does not separate language from voice). With few speakers a "
    f"probe can be worse than chance: the classes of those held out are then rare in its training. {INTERVALS} "
    "sentences (R@1), speakers (EER), what is held out together (probes). †: contaminated, see above."
)


def leakage_table(results: pd.DataFrame) -> Table:
    """R@1, EER and probes' accuracy of all heads; own scores in bold, chance and counts in the last rows.

    Heads of a system with the same scores everywhere (the untrained encoder's) share a row.
    """
    is_recall = results["protocol"].str.match(r"one:mean(:|$)") & (results["metric"] == "R@1")
    rows = add_cells(results[is_recall | results["metric"].isin(["EER", PROBE])])
    columns = ordered(pick(rows, task="leakage"), "set", "protocol", "metric")
    columns.sort(key=lambda column: list(COUNTS).index(column[2]))
    rows = rows.set_index(["set", "protocol", "metric"], drop=False)
    rows = rows[rows.index.isin(columns)]
    lines = [line for (system,) in ordered(rows, "system") for line in _lines(pick(rows, system=system), columns)]
    if columns:
        lines.append(["chance", "", *(_chance(rows.loc[[column]]) for column in columns)])
        lines.append(["counts", "", *(_counts(results, *column) for column in columns)])
    return Table("Attribute leakage", CAPTION, ["system", "head", *(_heading(*key) for key in columns)], lines, names=2)


def _heading(part: str, protocol: str, metric: str) -> str:
    """`probe of lang (test, by speaker)`, `EER (test, O)`."""
    if metric == PROBE:
        label, _, how = protocol.partition(":")
        return f"probe of {label} ({part}, {how.replace('-', ' ')})"
    return f"{metric} ({part}, {show_protocol(protocol)})"


def _lines(rows: pd.DataFrame, columns: list[tuple[str, str, str]]) -> list[list[str]]:
    """A line for each head of a system, or one for all heads with the same scores."""
    system, heads = rows["system"].iloc[0], [head for (head,) in ordered(rows, "attribute")]
    cells = [pick(rows, attribute=head)["cell"].reindex(columns).fillna(ABSENT).tolist() for head in heads]
    if len(heads) > 1 and all(line == cells[0] for line in cells):
        return [[system, ", ".join(heads), *cells[0]]]
    is_own = rows["task"] != "leakage"
    rows = rows.assign(cell=rows["cell"].where(~is_own, "**" + rows["cell"] + "**"))
    return [[system, head, *pick(rows, attribute=head)["cell"].reindex(columns).fillna(ABSENT)] for head in heads]


def _chance(rows: pd.DataFrame) -> str:
    """The level, or its range where systems were scored on different utterances."""
    levels = dict.fromkeys(number(value, rows["metric"].iloc[0]) for value in sorted(rows["chance"]))
    return " to ".join(list(levels)[:: max(1, len(levels) - 1)])


def _counts(results: pd.DataFrame, part: str, protocol: str, metric: str) -> str:
    """What the scores are computed from: `1,200 queries, 60 sentences`."""
    rows = pick(results, set=part, protocol=protocol)
    values = {"n": rows["n"].max()} | rows.groupby("metric")["value"].max().to_dict()
    unit = protocol.rpartition(":by-")[2]
    names = COUNTS[metric].items()
    return ", ".join(f"{values[count]:,.0f} {name.format(unit)}" for count, name in names if count in values)
