"""Published numbers next to ours. They are stored only in conf/published.yaml."""

import math
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import Field

from espnet_ext.config.validation import StrictModel, check_name, validate
from espnet_ext.report.table import ABSENT, Table, select_rows
from espnet_ext.utils.strict_yaml import read_yaml

NOT_RUN = "not run"


class PublishedScore(StrictModel):
    """One line of a published table, and the corresponding row of results.tsv.

    values: published name of a system -> number, in the unit of results.tsv (percent; minDCF plain).
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
    """Numbers of a paper. systems: published name of a system -> our name, None if we do not have it."""

    source: str
    systems: dict[str, str | None]
    figures: list[PublishedScore] = Field(min_length=1)


def read_published(path: Path) -> Published:
    """Read a file of published numbers.

    Raises:
        UserError: a misspelled or missing key, an unknown task or system, or a value that is not a number.
    """
    published = validate(Published, read_yaml(path), path)
    for index, score in enumerate(published.figures):
        for name in score.values:
            check_name(name, published.systems, f"{path}: figures[{index}].values")
    return published


def published_table(published: Published, results: pd.DataFrame) -> Table:
    """A row for each score and system that was published or run: published, ours, difference."""
    rows = []
    for score in published.figures:
        for system, ours in published.systems.items():
            found = _find(results, score, ours)
            if system in score.values or not found.empty:
                rows.append([score.name, system, *_cells(score, system, found)])
    keys = "; ".join(f"{score.name} = `{score.protocol}` on `{score.set}`" for score in published.figures)
    notes = " ".join(f"{score.name}: {score.note}" for score in published.figures if score.note)
    caption = (
        f"Published: {published.source}. Ours: {keys}. The published counts and intervals are not known: "
        f"compare the numbers only if ours are on the whole evaluation set. Percent, minDCF plain. {notes} "
        f"`{ABSENT}`: not published. Brackets: 95 % bootstrap intervals over sentences (retrieval) or speakers "
        "(verification)."
    )
    header = ["score", "system", "published", "ours", "difference", "queries or trials", "chance"]
    return Table("Published and ours", caption, header, rows, names=2)


def _find(results: pd.DataFrame, score: PublishedScore, system: str | None) -> pd.DataFrame:
    """The corresponding row of results.tsv; empty if it was not run."""
    keys = ("task", "attribute", "protocol", "set", "metric")
    return select_rows(results, system=system, **{key: getattr(score, key) for key in keys})


def _cells(score: PublishedScore, system: str, found: pd.DataFrame) -> list[str]:
    """published, ours, difference, number, chance."""
    decimals = 4 if "DCF" in score.metric else 2
    value = score.values.get(system)
    published = ABSENT if value is None else f"{value:.{decimals}f}"
    if found.empty:
        return [published, NOT_RUN, ABSENT, ABSENT, ABSENT]
    row = found.iloc[0]
    ours = f"{row['value']:.{decimals}f}"
    if not math.isnan(row["low"]):
        ours += f" [{row['low']:.{decimals}f}, {row['high']:.{decimals}f}]"
    difference = ABSENT if value is None else f"{row['value'] - value:+.{decimals}f}"
    return [published, ours, difference, f"{row['n']:,.0f}", f"{row['chance']:.{decimals}f}"]
