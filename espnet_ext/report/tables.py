"""RESULTS.md from results.tsv alone: the main table first, then the details."""

from collections.abc import Collection, Sequence

import pandas as pd

from espnet_ext.report.classification_tables import label_columns, label_tables
from espnet_ext.report.leakage_table import leakage_table
from espnet_ext.report.markdown import Table, render
from espnet_ext.report.results import TEACHER, UNTRAINED
from espnet_ext.report.retrieval_tables import INTERVALS, retrieval_caption, retrieval_columns, retrieval_tables
from espnet_ext.report.select import cell, chance, ordered, pick
from espnet_ext.report.verification_tables import verification_columns, verification_tables

PERCENT = {"retrieval": "R@1, xSIM", "verification": "EER", "classification": "accuracies, F1"}
UNITS = {"sentences": ["retrieval"], "speakers": ["verification", "classification", "regression"]}
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
    captions += _describe_numbers({wanted["task"] for _, wanted in columns})
    captions += _describe_systems([system for (system,) in ordered(results, "system")])
    return Table("Main results", " ".join(captions), ["system", *header], rows)


def _describe_numbers(tasks: Collection[str]) -> list[str]:
    """Scales, and what intervals are over."""
    percent = [names for task, names in PERCENT.items() if task in tasks]
    of_unit = {unit: [task for task in own if task in tasks] for unit, own in UNITS.items()}
    units = [f"{unit} ({', '.join(own)})" for unit, own in of_unit.items() if own]
    sentences = {"In percent:": percent, INTERVALS: units}
    return [f"{beginning} {', '.join(words)}." for beginning, words in sentences.items() if words]


def _describe_systems(names: Sequence[str]) -> list[str]:
    """What those are whose names do not say it: `teacher`, `untrained`, and phases of training such as `a/heads`."""
    parts = [f"`{name}`: {meaning}" for name, meaning in SYSTEMS.items() if name in names]
    phases = [name.rpartition("/") for name in names if "/" in name]
    parts += [f"`{system}/{phase}`: `{system}` as it was after the phase `{phase}`" for system, _, phase in phases]
    return [f"{'; '.join(parts)}."] if parts else []


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
