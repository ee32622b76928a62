"""RESULTS.md from results.tsv alone: the main table first, then the details."""

from collections.abc import Mapping, Sequence

import pandas as pd

from espnet_ext.report.classification_tables import label_columns, label_tables
from espnet_ext.report.leakage_table import leakage_table
from espnet_ext.report.markdown import Table, render
from espnet_ext.report.results import TEACHER, UNTRAINED
from espnet_ext.report.retrieval_tables import INTERVALS, num_directions, retrieval_columns, retrieval_tables
from espnet_ext.report.select import ABSENT, add_cells, chance_rows, number, ordered, pick
from espnet_ext.report.verification_tables import verification_columns, verification_tables

# Rows of counts in the main table -> the metrics of results.tsv that they show.
COUNT_ROWS = {name: [name] for name in ("n", "directions", "candidates", "sentences", "targets", "classes")}
COUNT_ROWS |= {"speakers": ["speakers", "units"], "unknown": ["unknown"], "unlabelled": ["unlabelled"]}
CAPTION = (
    "Every attribute by its own rule. Retrieval: R@1 and xSIM error in percent, means over directions between "
    "languages (protocol `one`) and over the recordings' own languages (speech-to-text, protocol `text`). "
    "Verification: EER in percent, minDCF normalised, of the trials of unseen speakers. Classification: accuracies "
    f"and F1 in percent; regression: errors in the label's unit. {INTERVALS} sentences (retrieval), speakers "
    f"(verification, classification, regression). `n`: queries, trials or utterances. `{TEACHER}`: the teachers' own "
    f"vectors; `{UNTRAINED}`: the encoder before post-training, the mean of its layers and frames, the same for every "
    "attribute; `system/phase`: the system after that phase."
)


def write_markdown(results: pd.DataFrame, title: str, beside: Sequence[Table] = ()) -> str:
    """The whole of RESULTS.md; `beside`: tables that follow the main one."""
    sections = [main_table(results), *beside, *detail_tables(results)]
    return f"# {title}\n\n" + "\n".join(render(table) for table in sections if table.rows)


def main_table(results: pd.DataFrame) -> Table:
    """One row for each system, one for chance, then counts: every attribute by its own rule."""
    columns = []
    for attribute, part in ordered(pick(results, task="retrieval"), "attribute", "set"):
        base = {"attribute": attribute, "task": "retrieval", "set": part}
        columns += [(name, base | wanted) for name, wanted in retrieval_columns(pick(results, **base))]
    columns += verification_columns(results) + label_columns(results)
    names = [name for name, _ in columns]
    header = [_unique_name(name, names, wanted) for name, wanted in columns]
    lines = {system: [system] for (system,) in ordered(results, "system")} | {"chance": ["chance"]}
    for _, wanted in columns:
        rows = pick(results, **wanted)
        cells = add_cells(pd.concat([rows, chance_rows(rows[:1], system="chance")])).set_index("system")["cell"]
        for system, line in lines.items():
            line.append(cells.get(system, ABSENT))
    counts = [_count(results, wanted) for _, wanted in columns]
    names = [name for name in COUNT_ROWS if any(name in column for column in counts)]
    rows = [*lines.values(), *([name, *(column.get(name, ABSENT) for column in counts)] for name in names)]
    return Table("Main results", CAPTION, ["system", *header], rows)


def _count(results: pd.DataFrame, wanted: Mapping[str, str]) -> dict[str, str]:
    """What a column is computed from: row of counts -> cell."""
    rows = pick(results, **{key: value for key, value in wanted.items() if key != "metric"})
    values = {"n": rows["n"].max()} | rows.groupby("metric")["value"].max().to_dict()
    if wanted["task"] == "retrieval":
        values["directions"] = num_directions(pick(results, task="retrieval", set=wanted["set"]), wanted["protocol"])
    return {row: number(values[name], row) for row, names in COUNT_ROWS.items() for name in names if name in values}


def _unique_name(name: str, names: list[str], wanted: dict[str, str]) -> str:
    """Several attributes, sets or trial lists have columns of one name: say which each is."""
    if names.count(name) == 1:
        return name
    keys = {"retrieval": ("attribute", "set"), "verification": ("attribute", "set", "protocol")}
    # Names of labels' columns begin with the attribute.
    where = [wanted[key] for key in keys.get(wanted["task"], ("set",))]
    return f"{name} ({', '.join(where)})"


def detail_tables(results: pd.DataFrame) -> list[Table]:
    """Everything else that results.tsv holds; a table without rows does not apply."""
    return [
        *retrieval_tables(pick(results, task="retrieval")),
        *verification_tables(results),
        *label_tables(results),
        leakage_table(results),
    ]
