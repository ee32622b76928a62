"""What each head knows of every attribute: a row a head, a column an attribute's score."""

from typing import NamedTuple

import pandas as pd

from espnet_ext.report.markdown import Table
from espnet_ext.report.probe_set import PREFIX
from espnet_ext.report.results import UNTRAINED
from espnet_ext.report.retrieval_tables import INTERVALS
from espnet_ext.report.select import ABSENT, cell, count, number, ordered, pick
from espnet_ext.report.verification_tables import footnote, show_protocol

PROBE = f"{PREFIX}accuracy"
# Metric of a column -> what its rows count: `n`, then other metrics of the same protocol.
COUNTS = {
    "R@1": {"n": "queries", "sentences": "sentences"},
    "EER": {"n": "trials", "speakers": "speakers"},
    PROBE: {"n": "utterances", f"{PREFIX}classes": "classes", f"{PREFIX}units": "{}s", f"{PREFIX}left-out": "left out"},
}


class Column(NamedTuple):
    """A score that every head has, or could have."""

    set: str
    protocol: str
    metric: str

    def heading(self) -> str:
        """`probe of lang (test, by speaker)`, `EER (test, O)`."""
        if self.metric == PROBE:
            label, _, how = self.protocol.partition(":")
            return f"probe of {label} ({self.set}, {how.replace('-', ' ')})"
        return f"{self.metric} ({self.set}, {show_protocol(self.protocol)})"

    def counts(self, results: pd.DataFrame) -> str:
        """What the scores rest on: `1,200 queries, 60 sentences`."""
        rows = pick(results, set=self.set, protocol=self.protocol)
        numbers = {name: count(rows, metric) for metric, name in COUNTS[self.metric].items()}
        unit = self.protocol.rpartition(":by-")[2]
        return ", ".join(f"{number} {name.format(unit)}" for name, number in numbers.items() if number != ABSENT)


def leakage_table(results: pd.DataFrame) -> Table:
    """R@1, EER and probes' accuracy of all heads; own figures in bold, chance in the last row.

    Heads of a system with the same figures everywhere (the untrained encoder's) share a row.
    """
    is_recall = results["protocol"].str.match(r"one:mean(:|$)") & (results["metric"] == "R@1")
    rows = results[is_recall | results["metric"].isin(["EER", PROBE])]
    columns = [Column(*key) for key in ordered(pick(rows, task="leakage"), "set", "protocol", "metric")]
    columns.sort(key=lambda column: list(COUNTS).index(column.metric))
    lines = []
    for (system,) in ordered(rows, "system"):
        own = pick(rows, system=system)
        heads = {head: _cells(pick(own, attribute=head), columns) for (head,) in ordered(own, "attribute")}
        lines += [[system, *line] for line in _lines(heads)]
    if lines:
        lines.append(["chance", "", *(_chance(pick(rows, **column._asdict())) for column in columns)])
    header = ["system", "head", *(column.heading() for column in columns)]
    caption = " ".join([_caption(rows), *(f"{column.heading()}: {column.counts(results)}." for column in columns)])
    return Table("Attribute leakage", caption, header, lines if columns else [], names=2)


def _caption(rows: pd.DataFrame) -> str:
    kinds = {"retrieval": "sentences (R@1)", "verification": "speakers (EER)"}
    units = [unit for task, unit in kinds.items() if (rows["task"] == task).any()]
    caption = (
        "The same scores taken of every head. A good head is strong where a figure is its own (**bold**) and near "
        "chance elsewhere; R@1 and EER are of plain cosines, percent."
    )
    if (rows["system"] == UNTRAINED).any():
        caption += f" `{UNTRAINED}`: before post-training; a system's rows: after each phase of it."
    if (rows["metric"] == PROBE).any():
        units.append("what is held out together (probes)")
        caption += (
            " Probe: accuracy of logistic regression on the embedding, cross-validated `by speaker` (tested on "
            "speakers it was not trained on), or `by sentence` or `by utterance` where speakers cannot be held out "
            "(there, a set with one speaker a language does not tell language from voice). Of few speakers a probe "
            "can be worse than chance: the classes of those held out are then rare in its training."
        )
    return f"{caption} {INTERVALS} {', '.join(units)}.{footnote(rows['protocol'])}"


class _Cell(NamedTuple):
    text: str
    is_own: bool


def _cells(rows: pd.DataFrame, columns: list[Column]) -> list[_Cell]:
    cells = []
    for column in columns:
        found = pick(rows, **column._asdict())
        cells.append(_Cell(cell(found), bool((found["task"] != "leakage").any())))
    return cells


def _lines(heads: dict[str, list[_Cell]]) -> list[list[str]]:
    """A line a head, or one for all heads if they say the same."""
    texts = {tuple(one.text for one in cells) for cells in heads.values()}
    if len(heads) > 1 and len(texts) == 1:
        return [[", ".join(heads), *texts.pop()]]
    return [
        [head, *(f"**{one.text}**" if one.is_own else one.text for one in cells)]
        for head, cells in heads.items()
        if any(one.text != ABSENT for one in cells)
    ]


def _chance(rows: pd.DataFrame) -> str:
    """The level, or its range where systems were scored on different utterances."""
    levels = dict.fromkeys(number(value, rows["metric"].iloc[0]) for value in sorted(rows["chance"]))
    return " to ".join(list(levels)[:: max(1, len(levels) - 1)])
