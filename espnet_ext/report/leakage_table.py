"""Table of attribute leakage: a row for each head, a column for each score."""

import pandas as pd

from espnet_ext.evaluation.probe_set import PREFIX
from espnet_ext.evaluation.results import UNTRAINED
from espnet_ext.report.table import ABSENT, INTERVALS, Table, add_cells, count_values, distinct, number, select_rows
from espnet_ext.report.task_tables import show_protocol

PROBE = f"{PREFIX}accuracy"
# Metric of a column -> its counts: `n`, then other metrics of the same protocol, with their names.
COUNTS = {
    "R@1": {"n": "queries", "sentences": "sentences"},
    "EER": {"n": "trials", "speakers": "speakers"},
    PROBE: {"n": "utterances", f"{PREFIX}classes": "classes", f"{PREFIX}units": "{}s", f"{PREFIX}left-out": "left out"},
}
CAPTION = (
    "All heads under all scores. A good head is strong under its own scores (**bold**) and near chance under the "
    f"others. R@1 and EER in percent, of plain cosines. `{UNTRAINED}`: before post-training; `system/phase`: after "
    "that phase. Probe: accuracy of logistic regression on the embedding, cross-validated `by speaker` (tested on "
    "speakers that it was not trained on), or `by sentence` or `by utterance` if speakers cannot be held out (then a "
    "set with one speaker per language does not separate language from voice). With few speakers a probe can be worse "
    f"than chance, because classes of held-out speakers are rare in its training data. {INTERVALS} sentences (R@1), "
    "speakers (EER), groups that are held out together (probes). †: contaminated, see above."
)


def leakage_table(results: pd.DataFrame) -> Table:
    """R@1, EER and probe accuracy of all heads; own scores in bold, chance and counts in the last rows.

    Heads of a system with equal scores everywhere (as of the untrained encoder) share a row.
    """
    is_recall = results["protocol"].str.match(r"one:mean(:|$)") & (results["metric"] == "R@1")
    rows = add_cells(results[is_recall | results["metric"].isin(["EER", PROBE])])
    columns = distinct(select_rows(rows, task="leakage"), "set", "protocol", "metric")
    columns.sort(key=lambda column: list(COUNTS).index(column[2]))
    rows = rows.set_index(["set", "protocol", "metric"], drop=False)
    rows = rows[rows.index.isin(columns)]
    lines = [
        line for (system,) in distinct(rows, "system") for line in _lines(select_rows(rows, system=system), columns)
    ]
    if columns:
        lines.append(["chance", "", *(_chance(rows.loc[[column]]) for column in columns)])
        lines.append(["counts", "", *(_counts(results, *column) for column in columns)])
    return Table("Attribute leakage", CAPTION, ["system", "head", *(_heading(*key) for key in columns)], lines, names=2)


def _heading(set_name: str, protocol: str, metric: str) -> str:
    """`probe of lang (test, by speaker)`, `EER (test, O)`."""
    if metric == PROBE:
        label, _, how = protocol.partition(":")
        return f"probe of {label} ({set_name}, {how.replace('-', ' ')})"
    return f"{metric} ({set_name}, {show_protocol(protocol)})"


def _lines(rows: pd.DataFrame, columns: list[tuple[str, str, str]]) -> list[list[str]]:
    """A line for each head of a system, or one for all heads with the same scores."""
    system, heads = rows["system"].iloc[0], [head for (head,) in distinct(rows, "attribute")]
    cells = [select_rows(rows, attribute=head)["cell"].reindex(columns).fillna(ABSENT).tolist() for head in heads]
    if len(heads) > 1 and all(line == cells[0] for line in cells):
        return [[system, ", ".join(heads), *cells[0]]]
    is_own = rows["task"] != "leakage"
    rows = rows.assign(cell=rows["cell"].where(~is_own, "**" + rows["cell"] + "**"))
    return [
        [system, head, *select_rows(rows, attribute=head)["cell"].reindex(columns).fillna(ABSENT)] for head in heads
    ]


def _chance(rows: pd.DataFrame) -> str:
    """Chance level, or its range if systems were scored on different utterances."""
    levels = dict.fromkeys(number(value, rows["metric"].iloc[0]) for value in sorted(rows["chance"]))
    return " to ".join(list(levels)[:: max(1, len(levels) - 1)])


def _counts(results: pd.DataFrame, set_name: str, protocol: str, metric: str) -> str:
    """Sample sizes: `1,200 queries, 60 sentences`."""
    values = count_values(select_rows(results, set=set_name, protocol=protocol))
    unit = protocol.rpartition(":by-")[2]
    names = COUNTS[metric].items()
    return ", ".join(f"{values[count]:,.0f} {name.format(unit)}" for count, name in names if count in values)
