"""RESULTS.md from results.tsv alone: the main table first, then the details."""

from collections.abc import Sequence

import pandas as pd

from espnet_ext.report.classification_tables import label_columns, label_tables
from espnet_ext.report.leakage_table import leakage_table
from espnet_ext.report.markdown import Table, render
from espnet_ext.report.results import TEACHER, UNTRAINED
from espnet_ext.report.retrieval_tables import INTERVALS, retrieval_caption, retrieval_columns, retrieval_tables
from espnet_ext.report.select import cell, chance, ordered, pick
from espnet_ext.report.verification_tables import verification_columns, verification_tables

SCALES = "R@1, xSIM and EER in percent."
SCALES_OF_LABELS = "Accuracies and F1 in percent, errors of numbers in their unit."
UNITS = "sentences (retrieval) or speakers ({})."
SYSTEMS = {
    TEACHER: "the teachers' own vectors",
    UNTRAINED: "the encoder before post-training, the mean of its layers and frames, the same for every attribute",
}


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
    named_columns, label_captions = label_columns(results)
    columns += trial_columns + named_columns
    captions += trial_captions + label_captions
    names = [name for name, _ in columns]
    header = [_unique_name(name, names, wanted) for name, wanted in columns]
    rows = [
        [system, *(cell(results, system=system, **wanted) for _, wanted in columns)]
        for (system,) in ordered(results, "system")
    ]
    rows.append(["chance", *(chance(results, **wanted) for _, wanted in columns)])
    scales = [SCALES, SCALES_OF_LABELS] if label_captions else [SCALES]
    units = UNITS.format("verification, labels" if label_captions else "verification")
    caption = " ".join([*captions, *scales, INTERVALS, units])
    caption += _describe_systems([system for (system,) in ordered(results, "system")])
    return Table("Main results", caption, ["system", *header], rows)


def _describe_systems(names: Sequence[str]) -> str:
    """What those are whose names do not say it: `teacher`, `untrained`, and phases of training such as `a/heads`."""
    parts = [f"`{name}`: {meaning}" for name, meaning in SYSTEMS.items() if name in names]
    parts += [f"`{name}`: after that phase of training, not the last" for name in names if "/" in name]
    return f" {'; '.join(parts)}." if parts else ""


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
    return [
        *retrieval_tables(pick(results, task="retrieval")),
        *verification_tables(results),
        *label_tables(results),
        leakage_table(results),
    ]
