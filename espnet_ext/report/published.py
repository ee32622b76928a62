"""Published numbers beside ours: conf/published.yaml is their only place."""

import math
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import Field

from espnet_ext.config.strict import read_yaml
from espnet_ext.config.validation import StrictModel, check_name, validate
from espnet_ext.report.markdown import Table
from espnet_ext.report.select import ABSENT, pick

NOT_RUN = "not run"


class PublishedFigure(StrictModel):
    """One line of a published table, and the row of results.tsv that it corresponds to.

    values: system, as published -> number, in the unit of results.tsv (percent; minDCF plain).
    """

    name: str
    task: Literal["retrieval", "verification"]
    attribute: str
    protocol: str
    set: str
    metric: str
    values: dict[str, float]
    note: str = ""


class Published(StrictModel):
    """Numbers of a paper. systems: its name of a system -> ours, None where we have none."""

    source: str
    systems: dict[str, str | None]
    figures: list[PublishedFigure] = Field(min_length=1)


def read_published(path: Path) -> Published:
    """Read a file of published numbers.

    Raises:
        UserError: a misspelled or missing key, an unknown task or system, or a value that is not a number.
    """
    published = validate(Published, read_yaml(path), path)
    for index, figure in enumerate(published.figures):
        for name in figure.values:
            check_name(name, published.systems, f"{path}: figures[{index}].values")
    return published


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
