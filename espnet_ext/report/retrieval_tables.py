"""Tables of retrieval: means over directions, and one by one where there are few enough to read."""

import math
import re

import pandas as pd

from espnet_ext.report.markdown import Table
from espnet_ext.report.select import COUNTS, chance_rows, languages_of, number, one_directions, ordered, pick, pivot
from espnet_ext.scoring.directions import ALL, parse_pattern
from espnet_ext.scoring.metrics import NEIGHBORS

INTERVALS = "Brackets: 95 % bootstrap intervals over"
# Tables of more languages than this are left to results.tsv.
MAX_LANGUAGES = 12
DUPLICATES = "duplicates"
CAPTION = (
    "Means over directions, in percent. R@1, R@5: a right candidate is the first, among the first five; MRR: mean of "
    f"1 / its rank; xSIM: the nearest is wrong, by cosine and by ratio margin (k = {NEIGHBORS}). Of candidates that "
    "tie, the wrong ones come first. Protocols: `all`: every recording asks, every recording of the other language "
    "answers; `one`: one recording per sentence and language; `text`: every recording asks, the teacher's embeddings "
    "of the transcripts answer (`mean`: of the same language, `mean-cross`: of another). `mean:X-eng`: over all "
    "languages that ask for English. Queries of all directions, candidates of one; duplicates: candidates with "
    f"exactly the vector of another sentence's candidate, whose tie counts as a miss. {INTERVALS} sentences. Single "
    f"directions of more than {MAX_LANGUAGES} languages are only in results.tsv."
)
CAPTION_CENTERED = (
    "The mean embedding of each language in the set is subtracted before scoring: what this gains over the table "
    "above was lost to a shift between languages."
)


def retrieval_columns(rows: pd.DataFrame) -> list[tuple[str, dict[str, str]]]:
    """Columns of the main table for one attribute and set: heading, and the protocol and metric, of all means."""
    columns = []
    for name, kind, metric in (
        ("speech-to-speech R@1", "one", "R@1"),
        ("speech-to-text R@1", "text", "R@1"),
        ("xSIM error (margin)", "one", "xSIM-margin"),
    ):
        for (protocol,) in ordered(pick(rows, metric=metric), "protocol"):
            base, mean, pattern = (*protocol.split(":"), "", "")[:3]
            if base == kind and mean == "mean":
                columns.append((f"{name} {pattern}".strip(), {"protocol": protocol, "metric": metric}))
    return columns


def retrieval_tables(retrieval: pd.DataFrame) -> list[Table]:
    """Means as they are and centered, then R@1 direction by direction."""
    is_centered = retrieval["protocol"].str.contains("-centred:")
    return [
        _means(retrieval[~is_centered], "Retrieval", CAPTION),
        _means(retrieval[is_centered], "Retrieval, centred per language", CAPTION_CENTERED),
        *_pairs(retrieval),
    ]


def _means(rows: pd.DataFrame, title: str, caption: str) -> Table:
    index = ["system", "attribute", "set", "protocol"]
    means = rows[rows["protocol"].str.contains(":mean")]
    metrics = [metric for (metric,) in ordered(means, "metric") if metric not in (*COUNTS, DUPLICATES)]
    columns = [*metrics, "n", "directions", "candidates", "sentences", "chance R@1"]
    if (means["metric"] == DUPLICATES).any():
        columns.append(DUPLICATES)
    recall = pick(means, metric="R@1")
    chance = chance_rows(recall, metric="chance R@1")
    directions = [
        num_directions(pick(rows, set=part), protocol)
        for part, protocol in zip(recall["set"], recall["protocol"], strict=True)
    ]
    directions = recall.assign(metric="directions", value=directions, low=math.nan, high=math.nan)
    lines = pivot(pd.concat([means, chance, directions]), index, columns)
    header = [*index, *("queries" if column == "n" else column for column in columns)]
    return Table(title, caption, header, lines, names=4)


def num_directions(rows: pd.DataFrame, protocol: str) -> int:
    """Directions, or languages of `text:mean`, that the mean `protocol` is over, from the rows of its set."""
    kind, mean, pattern = (*protocol.split(":"), "")[:3]
    scopes = {scope for name, scope in (one.split(":", 1) for one in set(rows["protocol"])) if name == kind}
    if kind.startswith("text") and mean == "mean" and not pattern:
        return sum(re.fullmatch(r"\w+", scope) is not None and scope != "mean" for scope in scopes)
    pairs = [scope.split("-") for scope in scopes if re.fullmatch(r"\w+-\w+", scope) and scope != "mean-cross"]
    return sum(parse_pattern(pattern or ALL).matches(*pair) for pair in pairs)


def _pairs(retrieval: pd.DataFrame) -> list[Table]:
    """R@1 of protocol `one`, a table for each system: asking language by answering language."""
    rows = one_directions(pick(retrieval, metric="R@1"))
    tables = []
    for system, attribute, part in ordered(rows, "system", "attribute", "set"):
        group = pick(rows, system=system, attribute=attribute, set=part)
        if len(set().union(*languages_of(group))) > MAX_LANGUAGES:
            continue
        sides = group["protocol"].str.extract(r"one:(?P<asks>\w+)-(?P<answers>\w+)")
        grid = group.join(sides).pivot(index="asks", columns="answers", values="value")
        lines = [[asks, *(number(value, "R@1") for value in line)] for asks, *line in grid.itertuples()]
        caption = (
            f"R@1 (percent) of protocol `one` on `{part}`, `{attribute}` embedding; {_span(group['n'])} "
            f"queries and as many candidates a direction, chance {_span(group['chance'])}."
        )
        tables.append(Table(f"Retrieval by pair: {system}", caption, ["asks \\ answers", *grid.columns], lines))
    return tables


def _span(values: pd.Series) -> str:
    low, high = f"{values.min():.3g}", f"{values.max():.3g}"
    return low if low == high else f"{low} to {high}"
