"""Tables of retrieval: means over directions, and single directions if there are few languages."""

import math
import re

import pandas as pd

from espnet_ext.report.table import (
    COUNTS,
    INTERVALS,
    Table,
    chance_rows,
    distinct,
    number,
    score_table,
    select_rows,
)
from espnet_ext.scoring.protocols import ALL, parse_pattern
from espnet_ext.scoring.ranks import NEIGHBORS

# Single directions of more languages are only in results.tsv.
MAX_LANGUAGES = 12
DUPLICATES = "duplicates"
CAPTION = (
    "Means over directions, in percent. R@1, R@5: a right candidate is the first, among the first five; MRR: mean of "
    f"1 / its rank; xSIM: the nearest is wrong, by cosine and by ratio margin (k = {NEIGHBORS}). Of candidates with "
    "equal scores, the wrong ones are ranked first. Protocols: `all`: queries are all recordings, candidates are all "
    "recordings of the other language; `one`: one recording per sentence and language; `text`: queries are all "
    "recordings, candidates are the teacher's embeddings of the transcripts (`mean`: in the same language, "
    "`mean-cross`: in another). `mean:X-eng`: queries in all other languages, English candidates. Queries are those of "
    "all directions, candidates those of one; duplicates: candidates with exactly the vector of another sentence's "
    f"candidate, whose tie counts as a miss. {INTERVALS} sentences. Single directions of more than {MAX_LANGUAGES} "
    "languages are only in results.tsv."
)
CAPTION_CENTERED = (
    "The mean embedding of each language in the set is subtracted before scoring: an improvement over the table above "
    "is the effect of a shift between languages."
)


# Heading of a column of the main table, and the protocol and metric of its means.
COLUMNS = (
    ("speech-to-speech R@1", "one", "R@1"),
    ("speech-to-text R@1", "text", "R@1"),
    ("xSIM error (margin)", "one", "xSIM-margin"),
)


def retrieval_columns(results: pd.DataFrame) -> list[tuple[str, dict[str, str]]]:
    """Columns of the main table: heading, and the values of results.tsv that select its rows, of all means."""
    columns = []
    for keys, rows in select_rows(results, task="retrieval").groupby(["attribute", "set"], sort=False):
        base = dict(zip(("attribute", "set"), keys, strict=True)) | {"task": "retrieval"}
        for name, kind, metric in COLUMNS:
            for (protocol,) in distinct(select_rows(rows, metric=metric), "protocol"):
                start, mean, pattern = (*protocol.split(":"), "", "")[:3]
                if start == kind and mean == "mean":
                    columns.append((f"{name} {pattern}".strip(), base | {"protocol": protocol, "metric": metric}))
    return columns


def retrieval_tables(retrieval: pd.DataFrame) -> list[Table]:
    """Means without and with centering, then R@1 of single directions."""
    is_centered = retrieval["protocol"].str.contains("-centred:")
    return [
        _means(retrieval[~is_centered], "Retrieval", CAPTION),
        _means(retrieval[is_centered], "Retrieval, centered per language", CAPTION_CENTERED),
        *_pairs(retrieval),
    ]


def _means(rows: pd.DataFrame, title: str, caption: str) -> Table:
    means = rows[rows["protocol"].str.contains(":mean")]
    metrics = [metric for (metric,) in distinct(means, "metric") if metric not in (*COUNTS, DUPLICATES)]
    columns = [*metrics, "n", "directions", "candidates", "sentences", "chance R@1"]
    columns += [DUPLICATES] if (means["metric"] == DUPLICATES).any() else []
    recall = select_rows(means, metric="R@1")
    directions = [
        num_directions(select_rows(rows, set=set_name), protocol)
        for set_name, protocol in zip(recall["set"], recall["protocol"], strict=True)
    ]
    directions = recall.assign(metric="directions", value=directions, low=math.nan, high=math.nan)
    lines = pd.concat([means, chance_rows(recall, metric="chance R@1"), directions])
    headings = {column: "queries" if column == "n" else column for column in columns}
    return score_table(title, caption, lines, ["system", "attribute", "set", "protocol"], headings)


def num_directions(rows: pd.DataFrame, protocol: str) -> int:
    """Number of directions, or of languages for `text:mean`, in the mean `protocol`, from the rows of its set."""
    kind, mean, pattern = (*protocol.split(":"), "")[:3]
    scopes = {scope for name, scope in (one.split(":", 1) for one in set(rows["protocol"])) if name == kind}
    if kind.startswith("text") and mean == "mean" and not pattern:
        return sum(re.fullmatch(r"\w+", scope) is not None and scope != "mean" for scope in scopes)
    pairs = [scope.split("-") for scope in scopes if re.fullmatch(r"\w+-\w+", scope) and scope != "mean-cross"]
    return sum(parse_pattern(pattern or ALL).matches(*pair) for pair in pairs)


def single_directions(results: pd.DataFrame) -> pd.DataFrame:
    """R@1 of single directions of protocol `one`, with their languages in the columns `queries` and `candidates`."""
    rows = select_rows(results, task="retrieval", metric="R@1")
    languages = rows["protocol"].str.extract(r"^one:(?P<queries>\w+)-(?P<candidates>\w+)$")
    return rows.join(languages.dropna(), how="inner")


def _pairs(retrieval: pd.DataFrame) -> list[Table]:
    """A table for each system: languages of the queries by languages of the candidates."""
    tables = []
    for key, group in single_directions(retrieval).groupby(["system", "attribute", "set"], sort=False):
        if len({*group["queries"], *group["candidates"]}) > MAX_LANGUAGES:
            continue
        system, attribute, set_name = key
        grid = group.pivot(index="queries", columns="candidates", values="value")
        lines = [[language, *(number(value, "R@1") for value in line)] for language, *line in grid.itertuples()]
        caption = (
            f"R@1 (percent) of protocol `one` on `{set_name}`, `{attribute}` embedding; {_span(group['n'])} "
            f"queries and as many candidates per direction, chance {_span(group['chance'])}."
        )
        tables.append(Table(f"Retrieval by pair: {system}", caption, ["queries \\ candidates", *grid.columns], lines))
    return tables


def _span(values: pd.Series) -> str:
    low, high = f"{values.min():.3g}", f"{values.max():.3g}"
    return low if low == high else f"{low} to {high}"
