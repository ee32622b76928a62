"""Pick figures out of results.tsv and write them as table cells."""

import math
import re
from collections.abc import Sequence

import pandas as pd

ABSENT = "-"
# Metrics that count what the others are computed from.
COUNTS = {
    "n",
    "candidates",
    "sentences",
    "directions",
    "targets",
    "speakers",
    "classes",
    "units",
    "unknown",
    "unlabelled",
}


def pick(results: pd.DataFrame, **wanted: str) -> pd.DataFrame:
    """The rows whose columns equal what is wanted, e.g. `pick(results, task="retrieval", metric="R@1")`."""
    chosen = pd.Series(True, index=results.index)
    for column, value in wanted.items():
        chosen &= results[column] == value
    return results[chosen]


def ordered(results: pd.DataFrame, *columns: str) -> list[tuple[str, ...]]:
    """The distinct values of some columns, in the order of the file."""
    return list(results[list(columns)].drop_duplicates().itertuples(index=False, name=None))


def number(value: float, metric: str) -> str:
    """A value as text: costs and correlations with three decimals, counts with none, others with one."""
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
    """Rows with the chance level as the value, and with `changes` of other columns."""
    return rows.assign(value=rows["chance"], low=math.nan, high=math.nan, n=math.nan, **changes)


def pivot(rows: pd.DataFrame, index: Sequence[str], columns: Sequence[str]) -> list[list[str]]:
    """Lines of a table, in the order of the rows: the values of `index`, then the cells of some metrics.

    Args:
        columns: metrics, or `n` (queries, trials or utterances).
    """
    if rows.empty:
        return []
    index = list(index)
    counts = rows.groupby(index, sort=False, as_index=False)["n"].max()
    counts = counts.rename(columns={"n": "value"}).assign(metric="n", low=math.nan, high=math.nan)
    table = add_cells(pd.concat([rows, counts])).pivot_table("cell", index, "metric", aggfunc="first", sort=False)
    return table.reindex(columns=list(columns), fill_value=ABSENT).fillna(ABSENT).reset_index().to_numpy().tolist()


def one_directions(results: pd.DataFrame) -> pd.DataFrame:
    """The rows of protocol `one` that belong to a single direction, e.g. `one:fra-eng`."""
    return results[results["protocol"].str.fullmatch(r"one:\w+-\w+")]


def languages_of(rows: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Asking and answering languages of rows of directions, sorted."""
    pairs = [protocol.split(":")[1].split("-") for protocol in rows["protocol"].unique()]
    return sorted({source for source, _ in pairs}), sorted({target for _, target in pairs})
