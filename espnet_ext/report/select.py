"""Pick figures out of results.tsv and write them as table cells."""

import math
import re

import pandas as pd

ABSENT = "-"


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
    """A value as shown: costs and correlations with three decimals, others with one; `-` where there is none."""
    if math.isnan(value):
        return ABSENT
    return f"{value:.3f}" if re.match("(min|act)?(DCF|Cllr)|Pearson|CCC", metric) else f"{value:.1f}"


def cell(results: pd.DataFrame, **wanted: str) -> str:
    """The one figure wanted, with its interval: `46.0 [40.1, 52.3]`; `-` where there is none."""
    rows = pick(results, **wanted)
    if rows.empty:
        return ABSENT
    row = rows.iloc[0]
    value = number(row["value"], row["metric"])
    if math.isnan(row["low"]):
        return value
    return f"{value} [{number(row['low'], row['metric'])}, {number(row['high'], row['metric'])}]"


def chance(results: pd.DataFrame, **wanted: str) -> str:
    """The chance level of the figure wanted."""
    rows = pick(results, **wanted)
    return number(rows["chance"].iloc[0], rows["metric"].iloc[0]) if len(rows) else ABSENT


def count(results: pd.DataFrame, metric: str, **wanted: str) -> str:
    """The largest count among the rows: `n` (queries or trials), or a metric such as `candidates`."""
    rows = pick(results, **wanted)
    values = rows["n"] if metric == "n" else pick(rows, metric=metric)["value"]
    return f"{values.max():,.0f}" if len(values) else ABSENT


def one_directions(results: pd.DataFrame) -> pd.DataFrame:
    """The rows of protocol `one` that belong to a single direction, e.g. `one:fra-eng`."""
    return results[results["protocol"].str.fullmatch(r"one:\w+-\w+")]


def languages_of(rows: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Asking and answering languages of rows of directions, sorted."""
    pairs = [protocol.split(":")[1].split("-") for protocol in rows["protocol"].unique()]
    return sorted({source for source, _ in pairs}), sorted({target for _, target in pairs})
