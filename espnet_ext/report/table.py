"""Tables of a report, and rows of results.tsv as their cells."""

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from espnet_ext.utils.errors import UserError
from espnet_ext.utils.printable import markdown_table, printable

ABSENT = "-"
INTERVALS = "Brackets: 95 % bootstrap intervals over"
# Metrics that are numbers of something, written without decimals.
COUNTS = {
    *("n", "candidates", "sentences", "directions", "targets", "speakers", "classes", "units", "unknown", "unlabelled")
}


@dataclass(frozen=True)
class Table:
    """A table with a title and a caption; the first `names` columns contain names, the others numbers."""

    title: str
    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    names: int = 1

    def grid(self) -> str:
        """Header and rows as Markdown."""
        return markdown_table(self.header, self.rows, self.names)

    def section(self) -> str:
        """Heading, caption and grid as Markdown."""
        return f"## {printable(self.title)}\n\n{printable(self.caption)}\n\n{self.grid()}\n"


def read_table(path: Path, columns: Mapping[str, type], content: str) -> pd.DataFrame:
    """Read columns, each of its type, of a TSV file that scoring or training wrote.

    Args:
        content: description for the error.

    Raises:
        UserError: no such file, a missing column, or a value of another type.
    """
    # Only numbers can be missing: a class may be named NA.
    missing = {column: ["", "nan"] for column, kind in columns.items() if kind is float}
    form = {"sep": "\t", "quoting": csv.QUOTE_NONE, "keep_default_na": False, "na_values": missing}
    try:
        frame = pd.read_csv(path, dtype=columns, usecols=list(columns), **form)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as {content} ({error}); run the stage that writes it") from None
    return frame[list(columns)]


def select_rows(results: pd.DataFrame, **values: str) -> pd.DataFrame:
    """Rows with these values in these columns, e.g. `select_rows(results, task="retrieval", metric="R@1")`."""
    selected = pd.Series(True, index=results.index)
    for column, value in values.items():
        selected &= results[column] == value
    return results[selected]


def distinct(results: pd.DataFrame, *columns: str) -> list[tuple[str, ...]]:
    """Distinct values of some columns, in the order of the file."""
    return list(results[list(columns)].drop_duplicates().itertuples(index=False, name=None))


def number(value: float, metric: str) -> str:
    """A value as text: three decimals for costs and correlations, none for counts, one for others."""
    if math.isnan(value):
        return ABSENT
    if metric in COUNTS:
        return f"{value:,.0f}"
    return f"{value:.3f}" if re.match("(min|act)?(DCF|Cllr)|Pearson|CCC", metric) else f"{value:.1f}"


def add_cells(rows: pd.DataFrame) -> pd.DataFrame:
    """Add a column `cell`: the value with its interval, `46.0 [40.1, 52.3]`."""
    cells = []
    for metric, value, low, high in rows[["metric", "value", "low", "high"]].itertuples(index=False):
        interval = "" if math.isnan(low) else f" [{number(low, metric)}, {number(high, metric)}]"
        cells.append(number(value, metric) + interval)
    return rows.assign(cell=pd.Series(cells, rows.index, dtype=str))


def chance_rows(rows: pd.DataFrame, **changes: str) -> pd.DataFrame:
    """Rows with the chance level as the value, and with `changes` in other columns."""
    return rows.assign(value=rows["chance"], low=math.nan, high=math.nan, n=math.nan, **changes)


def count_values(rows: pd.DataFrame) -> dict[str, float]:
    """`n` and all metrics of rows -> largest value; used for counts, which are the same for all systems."""
    return {"n": rows["n"].max()} | rows.groupby("metric")["value"].max().to_dict()


def score_table(
    title: str, caption: str, rows: pd.DataFrame, index: Sequence[str], headings: Mapping[str, str]
) -> Table:
    """A table with a line for each combination of `index` columns, in the order of the rows.

    Args:
        headings: metric, or `n` (queries, trials or utterances) -> heading of its column.
    """
    index, lines = list(index), []
    if not rows.empty:
        counts = rows.groupby(index, sort=False, as_index=False)["n"].max()
        counts = counts.rename(columns={"n": "value"}).assign(metric="n", low=math.nan, high=math.nan)
        cells = add_cells(pd.concat([rows, counts])).pivot_table("cell", index, "metric", aggfunc="first", sort=False)
        cells = cells.reindex(columns=list(headings), fill_value=ABSENT).fillna(ABSENT)
        lines = cells.reset_index().to_numpy().tolist()
    return Table(title, caption, [*index, *headings.values()], lines, names=len(index))
