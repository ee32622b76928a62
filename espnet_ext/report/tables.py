"""RESULTS.md from results.tsv alone: the main table first, then the details."""

from collections.abc import Sequence

import pandas as pd

from espnet_ext.report.markdown import Table, render
from espnet_ext.report.retrieval_tables import INTERVALS, retrieval_caption, retrieval_columns, retrieval_tables
from espnet_ext.report.select import cell, chance, ordered, pick
from espnet_ext.report.verification_tables import (
    footnote,
    show_protocol,
    verification_columns,
    verification_tables,
)

BOTH_UNITS = "sentences (retrieval) or speakers (verification)."


def write_markdown(results: pd.DataFrame, title: str, beside: Sequence[Table] = ()) -> str:
    """The whole of RESULTS.md; `beside`: tables that follow the main one."""
    sections = [main_table(results), *beside, *detail_tables(results)]
    return f"# {title}\n\n" + "\n".join(render(table) for table in sections if table.rows)


def main_table(results: pd.DataFrame) -> Table:
    """One row a system, one for chance: every attribute by its own rule."""
    columns, captions = [], []
    for attribute, part in ordered(pick(results, task="retrieval"), "attribute", "set"):
        base = {"attribute": attribute, "task": "retrieval", "set": part}
        rows = pick(results, **base)
        columns += [(name, base | wanted) for name, wanted in retrieval_columns(rows)]
        captions.append(retrieval_caption(rows, attribute, part))
    trial_columns, trial_captions = verification_columns(results)
    columns += trial_columns
    captions += trial_captions
    names = [name for name, _ in columns]
    header = [_unique_name(name, names, wanted) for name, wanted in columns]
    rows = [
        [system, *(cell(results, system=system, **wanted) for _, wanted in columns)]
        for (system,) in ordered(results, "system")
    ]
    rows.append(["chance", *(chance(results, **wanted) for _, wanted in columns)])
    caption = " ".join([*captions, "R@1, xSIM and EER in percent.", INTERVALS, BOTH_UNITS])
    return Table("Main results", caption, ["system", *header], rows)


def _unique_name(name: str, names: list[str], wanted: dict[str, str]) -> str:
    """Several attributes, sets or trial lists have columns of one name: say which each is."""
    if names.count(name) == 1:
        return name
    where = [wanted["attribute"], wanted["set"]]
    if wanted["task"] == "verification":
        where.append(wanted["protocol"])
    return f"{name} ({', '.join(where)})"


def detail_tables(results: pd.DataFrame) -> list[Table]:
    """Everything else that results.tsv holds; a table without rows does not apply."""
    return [*retrieval_tables(pick(results, task="retrieval")), *verification_tables(results), _leakage(results)]


def _leakage(results: pd.DataFrame) -> Table:
    """Each rule's headline figure, from the head it belongs to and from the others."""
    is_recall = results["protocol"].str.match(r"one:mean(:|$)") & (results["metric"] == "R@1")
    rows = results[is_recall | (results["metric"] == "EER")]
    lines = []
    for system, part, protocol, metric in ordered(
        pick(rows, task="leakage"), "system", "set", "protocol", "metric"
    ):
        group = pick(rows, system=system, set=part, protocol=protocol, metric=metric)
        for attribute, task in ordered(group, "attribute", "task"):
            figure = cell(group, attribute=attribute, task=task)
            role = "leakage" if task == "leakage" else "own"
            shown = show_protocol(protocol)
            lines.append([system, part, shown, metric, attribute, role, figure, chance(group)])
    header = ["system", "set", "protocol", "metric", "head", "role", "value", "chance"]
    caption = (
        "The same scores taken across heads. A good head is strong where the figure is its `own` and near "
        f"chance where it is `leakage`. In percent. {INTERVALS} {BOTH_UNITS}{footnote(rows['protocol'])}"
    )
    return Table("Attribute leakage", caption, header, lines, names=6)
