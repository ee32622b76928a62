"""RESULTS.md: the main table, then the details."""

from collections.abc import Mapping, Sequence

import pandas as pd

from espnet_ext.evaluation.results import TEACHER, UNTRAINED
from espnet_ext.report.leakage_table import leakage_table
from espnet_ext.report.retrieval_tables import num_directions, retrieval_columns, retrieval_tables
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
from espnet_ext.report.task_tables import label_columns, label_tables, verification_columns, verification_tables

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


def write_markdown(results: pd.DataFrame, title: str, extra: Sequence[Table] = ()) -> str:
    """Content of RESULTS.md; tables without rows are omitted.

    Args:
        extra: tables that follow the main one.
    """
    retrieval = select_rows(results, task="retrieval")
    details = [*retrieval_tables(retrieval), *verification_tables(results), *label_tables(results)]
    tables = [main_table(results), *extra, *details, leakage_table(results)]
    return f"# {title}\n\n" + "\n".join(table.section() for table in tables if table.rows)


def main_table(results: pd.DataFrame) -> Table:
    """One row for each system, one for chance, then counts: every attribute under its own rule."""
    columns = []
    for attribute, set_name in distinct(select_rows(results, task="retrieval"), "attribute", "set"):
        base = {"attribute": attribute, "task": "retrieval", "set": set_name}
        columns += [(name, base | keys) for name, keys in retrieval_columns(select_rows(results, **base))]
    columns += verification_columns(results) + label_columns(results)
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
        values["directions"] = num_directions(select_rows(results, task="retrieval", set=keys["set"]), keys["protocol"])
    return {row: number(values[name], row) for row, names in COUNT_ROWS.items() for name in names if name in values}


def _unique_name(name: str, names: list[str], keys: dict[str, str]) -> str:
    """Name of a column, with its attribute, set or trial list if several columns have the same name."""
    if names.count(name) == 1:
        return name
    qualifiers = {"retrieval": ("attribute", "set"), "verification": ("attribute", "set", "protocol")}
    # Names of label columns begin with the attribute.
    where = [keys[key] for key in qualifiers.get(keys["task"], ("set",))]
    return f"{name} ({', '.join(where)})"
