"""Published numbers beside ours: conf/published.yaml is their only place."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from espnet_ext.config.strict import build_strict, check_keys, read_yaml
from espnet_ext.errors import UserError
from espnet_ext.report.markdown import Table
from espnet_ext.report.select import ABSENT, pick

NOT_RUN = "not run"
TASKS = ("retrieval", "verification")


@dataclass(frozen=True)
class PublishedFigure:
    """One line of a published table, and the row of results.tsv that it corresponds to.

    values: system, as published -> number, in the unit of results.tsv (percent; minDCF plain).
    """

    name: str
    task: str
    attribute: str
    protocol: str
    set: str
    metric: str
    values: dict
    note: str = ""


@dataclass(frozen=True)
class Published:
    """A paper's numbers. systems: its name of a system -> ours, None where we have none."""

    source: str
    systems: Mapping[str, str | None]
    figures: tuple[PublishedFigure, ...]


def read_published(path: Path) -> Published:
    """Read a file of published numbers.

    Raises:
        UserError: a misspelt or missing key, an unknown task or system, or a value that is no number.
    """
    content = read_yaml(path)
    keys = {"source", "systems", "figures"}
    check_keys(content, keys, keys, str(path))
    systems, entries = content["systems"], content["figures"]
    if not isinstance(systems, dict) or not all(isinstance(name, str | None) for name in systems.values()):
        raise UserError(f"{path}: systems maps published names to ours (or null), found {systems!r}")
    if not isinstance(entries, list) or not entries:
        raise UserError(f"{path}: figures must be a list of at least one, found {entries!r}")
    figures = tuple(
        _parse_figure(entry, systems, f"{path}: figures[{number}]") for number, entry in enumerate(entries, 1)
    )
    return Published(str(content["source"]), systems, figures)


def _parse_figure(entry: object, systems: Mapping[str, str | None], where: str) -> PublishedFigure:
    figure = build_strict(PublishedFigure, entry, where)
    if figure.task not in TASKS:
        raise UserError(f"{where}: unknown task {figure.task!r}; legal: {', '.join(TASKS)}")
    for system, value in figure.values.items():
        if system not in systems:
            raise UserError(f"{where}: unknown system {system!r}; systems names {', '.join(systems)}")
        if type(value) not in (int, float):
            raise UserError(f"{where}: the value of {system} must be a number, found {value!r}")
    return figure


def published_table(published: Published, results: pd.DataFrame) -> Table:
    """A row for each figure and system that was published or run: published, ours, difference."""
    rows = []
    for figure in published.figures:
        for system, ours in published.systems.items():
            if system in figure.values or not _find(results, figure, ours).empty:
                rows.append([figure.name, system, *_cells(figure, system, _find(results, figure, ours))])
    keys = "; ".join(f"{figure.name} = `{figure.protocol}` on `{figure.set}`" for figure in published.figures)
    notes = " ".join(f"{figure.name}: {figure.note}" for figure in published.figures if figure.note)
    caption = (
        f"Published: {published.source}. Ours: {keys}. The published counts and intervals are not known: "
        f"compare the numbers only if ours are of the whole evaluation set. Percent, minDCF plain. {notes} "
        f"`{ABSENT}`: not published. Brackets: 95 % bootstrap intervals over sentences (retrieval) or speakers "
        "(verification)."
    )
    header = ["figure", "system", "published", "ours", "difference", "queries or trials", "chance"]
    return Table("Published and ours", caption, header, rows, names=2)


def _find(results: pd.DataFrame, figure: PublishedFigure, system: str | None) -> pd.DataFrame:
    """The row of results.tsv that corresponds; none, if it was not run."""
    keys = ("task", "attribute", "protocol", "set", "metric")
    return pick(results, system=system, **{key: getattr(figure, key) for key in keys})


def _cells(figure: PublishedFigure, system: str, found: pd.DataFrame) -> list[str]:
    """published, ours, difference, number, chance."""
    decimals = 4 if "DCF" in figure.metric else 2
    value = figure.values.get(system)
    published = ABSENT if value is None else f"{value:.{decimals}f}"
    if found.empty:
        return [published, NOT_RUN, ABSENT, ABSENT, ABSENT]
    row = found.iloc[0]
    ours = f"{row['value']:.{decimals}f}"
    if not math.isnan(row["low"]):
        ours += f" [{row['low']:.{decimals}f}, {row['high']:.{decimals}f}]"
    difference = ABSENT if value is None else f"{row['value'] - value:+.{decimals}f}"
    return [published, ours, difference, f"{row['n']:,.0f}", f"{row['chance']:.{decimals}f}"]
