"""RESULTS.md: the main table, tables of each task, and the table of attribute leakage."""

from collections.abc import Mapping, Sequence

import pandas as pd

from espnet_ext.evaluation.probe_set import PREFIX
from espnet_ext.evaluation.results import TEACHER, UNTRAINED
from espnet_ext.report import retrieval_tables, task_tables
from espnet_ext.report.table import (
    ABSENT,
    INTERVALS,
    Table,
    add_cells,
    chance_rows,
    count_values,
    distinct,
    number,
    select_rows,
)

# Rows of counts in the main table -> their metrics in results.tsv.
COUNT_ROWS = {name: [name] for name in ("n", "directions", "candidates", "sentences", "targets", "classes")}
COUNT_ROWS |= {"speakers": ["speakers", "units"], "unknown": ["unknown"], "unlabelled": ["unlabelled"]}
CAPTION = (
    "Every attribute under its own rule. Retrieval: R@1 and xSIM error in percent, means over directions between "
    "languages (protocol `one`) and over the recordings' own languages (speech-to-text, protocol `text`). "
    "Verification: EER in percent, minDCF normalized, of the trials of unseen speakers. Classification: accuracies "
    f"and F1 in percent; regression: errors in the label's unit. {INTERVALS} sentences (retrieval), speakers "
    f"(verification, classification, regression). `n`: queries, trials or utterances. `{TEACHER}`: the teachers' own "
    f"vectors; `{UNTRAINED}`: the encoder before post-training, the mean of its layers and frames, the same for every "
    "attribute; `system/phase`: the system after that phase."
)
PROBE = f"{PREFIX}accuracy"
# Metric of a column -> its counts: `n`, then other metrics of the same protocol, with their names.
LEAKAGE_COUNTS = {
    "R@1": {"n": "queries", "sentences": "sentences"},
    "EER": {"n": "trials", "speakers": "speakers"},
    PROBE: {"n": "utterances", f"{PREFIX}classes": "classes", f"{PREFIX}units": "{}s", f"{PREFIX}left-out": "left out"},
}
LEAKAGE_CAPTION = (
    "All heads under all scores. A good head is strong under its own scores (**bold**) and near chance under the "
    f"others. R@1 and EER in percent, of plain cosines. `{UNTRAINED}`: before post-training; `system/phase`: after "
    "that phase. Probe: accuracy of logistic regression on the embedding, cross-validated `by speaker` (tested on "
    "speakers that it was not trained on), or `by sentence` or `by utterance` if speakers cannot be held out (then a "
    "set with one speaker per language does not separate language from voice). With few speakers a probe can be worse "
    f"than chance, because classes of held-out speakers are rare in its training data. {INTERVALS} sentences (R@1), "
    "speakers (EER), groups that are held out together (probes). †: contaminated, see above."
)


def write_markdown(results: pd.DataFrame, title: str, extra: Sequence[Table] = ()) -> str:
    """Content of RESULTS.md; tables without rows are omitted.

    Args:
        extra: tables that follow the main one.
    """
    retrieval = select_rows(results, task="retrieval")
    details = [
        *retrieval_tables.retrieval_tables(retrieval),
        *task_tables.verification_tables(results),
        *task_tables.label_tables(results),
    ]
    tables = [main_table(results), *extra, *details, leakage_table(results)]
    return f"# {title}\n\n" + "\n".join(table.section() for table in tables if table.rows)


def main_table(results: pd.DataFrame) -> Table:
    """One row for each system, one for chance, then counts: every attribute under its own rule."""
    columns = [
        *retrieval_tables.retrieval_columns(results),
        *task_tables.verification_columns(results),
        *task_tables.label_columns(results),
    ]
    names = [name for name, _ in columns]
    header = [_unique_name(name, names, keys) for name, keys in columns]
    lines = {system: [system] for (system,) in distinct(results, "system")} | {"chance": ["chance"]}
    for _, keys in columns:
        rows = select_rows(results, **keys)
        cells = add_cells(pd.concat([rows, chance_rows(rows[:1], system="chance")])).set_index("system")["cell"]
        for system, line in lines.items():
            line.append(cells.get(system, ABSENT))
    counts = [_count(results, keys) for _, keys in columns]
    names = [name for name in COUNT_ROWS if any(name in column for column in counts)]
    rows = [*lines.values(), *([name, *(column.get(name, ABSENT) for column in counts)] for name in names)]
    return Table("Main results", CAPTION, ["system", *header], rows)


def _count(results: pd.DataFrame, keys: Mapping[str, str]) -> dict[str, str]:
    """Sample sizes of a column: row of counts -> cell."""
    values = count_values(select_rows(results, **{key: value for key, value in keys.items() if key != "metric"}))
    if keys["task"] == "retrieval":
        rows = select_rows(results, task="retrieval", set=keys["set"])
        values["directions"] = retrieval_tables.num_directions(rows, keys["protocol"])
    return {row: number(values[name], row) for row, names in COUNT_ROWS.items() for name in names if name in values}


def _unique_name(name: str, names: list[str], keys: Mapping[str, str]) -> str:
    """Name of a column, with its attribute, set or trial list if several columns have the same name."""
    if names.count(name) == 1:
        return name
    qualifiers = {"retrieval": ("attribute", "set"), "verification": ("attribute", "set", "protocol")}
    # Names of label columns begin with the attribute.
    where = [keys[key] for key in qualifiers.get(keys["task"], ("set",))]
    return f"{name} ({', '.join(where)})"


def leakage_table(results: pd.DataFrame) -> Table:
    """R@1, EER and probe accuracy of all heads; own scores in bold, chance and counts in the last rows.

    Heads of a system with equal scores everywhere (as of the untrained encoder) share a row.
    """
    is_recall = results["protocol"].str.match(r"one:mean(:|$)") & (results["metric"] == "R@1")
    rows = add_cells(results[is_recall | results["metric"].isin(["EER", PROBE])])
    columns = distinct(select_rows(rows, task="leakage"), "set", "protocol", "metric")
    columns.sort(key=lambda column: list(LEAKAGE_COUNTS).index(column[2]))
    rows = rows.set_index(["set", "protocol", "metric"], drop=False)
    rows = rows[rows.index.isin(columns)]
    lines = []
    for system, group in rows.groupby("system", sort=False):
        heads = group.groupby("attribute", sort=False)
        cells = {head: own["cell"].reindex(columns).fillna(ABSENT) for head, own in heads}
        first = next(iter(cells.values()))
        if len(cells) > 1 and all(line.equals(first) for line in cells.values()):
            lines.append([system, ", ".join(cells), *first])
            continue
        for head, line in cells.items():
            own = group[(group["attribute"] == head) & (group["task"] != "leakage")].index
            lines.append([system, head, *line.mask(line.index.isin(own), "**" + line + "**")])
    if columns:
        lines.append(["chance", "", *(_chance_range(rows.loc[[column]]) for column in columns)])
        lines.append(["counts", "", *(_sample_sizes(results, *column) for column in columns)])
    header = ["system", "head", *(_leakage_heading(*column) for column in columns)]
    return Table("Attribute leakage", LEAKAGE_CAPTION, header, lines, names=2)


def _leakage_heading(set_name: str, protocol: str, metric: str) -> str:
    """`probe of lang (test, by speaker)`, `EER (test, O)`."""
    if metric == PROBE:
        label, _, how = protocol.partition(":")
        return f"probe of {label} ({set_name}, {how.replace('-', ' ')})"
    return f"{metric} ({set_name}, {task_tables.show_protocol(protocol)})"


def _chance_range(rows: pd.DataFrame) -> str:
    """Chance level, or its range if systems were scored on different utterances."""
    levels = dict.fromkeys(number(value, rows["metric"].iloc[0]) for value in sorted(rows["chance"]))
    return " to ".join(list(levels)[:: max(1, len(levels) - 1)])


def _sample_sizes(results: pd.DataFrame, set_name: str, protocol: str, metric: str) -> str:
    """Sample sizes: `1,200 queries, 60 sentences`."""
    values = count_values(select_rows(results, set=set_name, protocol=protocol))
    unit = protocol.rpartition(":by-")[2]
    names = LEAKAGE_COUNTS[metric].items()
    return ", ".join(f"{values[count]:,.0f} {name.format(unit)}" for count, name in names if count in values)
