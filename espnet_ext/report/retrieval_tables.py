"""Tables of retrieval: means over directions, and one by one where there are few enough to read."""

import pandas as pd

from espnet_ext.report.markdown import Table
from espnet_ext.report.select import ABSENT, cell, chance, count, languages_of, number, one_directions, ordered, pick
from espnet_ext.scoring.directions import parse_pattern
from espnet_ext.scoring.retrieval import RANK_METRICS, XSIM_METRICS
from espnet_ext.scoring.xsim import NEIGHBOURS

INTERVALS = "Brackets: 95 % bootstrap intervals over"
# Tables of more languages than this are left to results.tsv.
MAX_LANGUAGES = 12
MEANINGS = {
    "all": "`all`: every recording asks, every recording of the other language answers",
    "one": "`one`: one recording per sentence and language",
    "text": "`text`: every recording asks, the teacher's embeddings of the transcripts answer "
    "(`mean`: of the same language, `mean-cross`: of another)",
}
MEANINGS_OF_METRICS = (
    "R@1, R@5: a right candidate is the first, among the first five; MRR: mean of 1 / its rank; xSIM: the nearest is "
    f"wrong, by cosine and by ratio margin (k = {NEIGHBOURS}). Of candidates that tie, the wrong ones come first. "
    "Queries of all directions, candidates of one."
)
OF_PATTERN = "`mean:X-eng`: over all languages that ask for English, `mean:fra-eng`: of that direction alone"


def retrieval_columns(rows: pd.DataFrame) -> list[tuple[str, dict[str, str]]]:
    """Columns of the main table for one attribute and set: (heading, protocol and metric), all means that there are."""
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


def retrieval_caption(rows: pd.DataFrame, attribute: str, part: str) -> str:
    """What the columns of one attribute and set rest on."""
    parts = [f"Retrieval by the `{attribute}` embedding on `{part}`:"]
    directions = [protocol.split(":")[1] for (protocol,) in ordered(one_directions(rows), "protocol")]
    for _, wanted in retrieval_columns(rows):
        if wanted["metric"] == "R@1":
            group = pick(rows, protocol=wanted["protocol"])
            counts = {metric: count(group, metric) for metric in ("n", "candidates", "sentences")}
            parts.append(
                f"{_describe(wanted['protocol'], directions)}, {counts['n']} queries, {counts['candidates']} "
                f"candidates each, {counts['sentences']} sentences;"
            )
    return " ".join(parts).rstrip(";:") + "."


def _describe(protocol: str, directions: list[str]) -> str:
    base, _, pattern = (*protocol.split(":"), "")[:3]
    if base == "text" and not pattern:
        return "speech-to-text (protocol `text`), mean over the recording's own language"
    kind = "speech-to-speech" if base == "one" else "speech-to-text"
    if base == "text" or "X" not in pattern.split("-") and pattern:
        return f"{kind} (protocol `{base}`) {pattern}"
    matched = [pair for pair in directions if parse_pattern(pattern or "all").matches(*pair.split("-"))]
    return f"{kind} (protocol `{base}`){' ' * bool(pattern)}{pattern}, mean of {len(matched)} directions"


def retrieval_tables(retrieval: pd.DataFrame) -> list[Table]:
    """Means as they are and centred, then R@1 direction by direction."""
    centred = retrieval["protocol"].str.contains("-centred:")
    return [
        _means(
            retrieval[~centred],
            "Retrieval",
            f"Means over directions.{_long_lists(retrieval)} {MEANINGS_OF_METRICS}",
        ),
        _means(
            retrieval[centred],
            "Retrieval, centred per language",
            "The mean embedding of each language in the set is subtracted before scoring: what this gains "
            "over the table above was lost to a shift between languages.",
        ),
        *_pairs(retrieval),
    ]


def _means(rows: pd.DataFrame, title: str, caption: str) -> Table:
    rows = rows[rows["protocol"].str.contains(":mean")]
    metrics = (*RANK_METRICS, *XSIM_METRICS)
    lines = []
    for system, attribute, part, protocol in ordered(rows, "system", "attribute", "set", "protocol"):
        group = pick(rows, system=system, attribute=attribute, set=part, protocol=protocol)
        counts = [count(group, metric) for metric in ("n", "candidates", "sentences")]
        values = [cell(group, metric=metric) for metric in metrics]
        lines.append([system, attribute, part, protocol, *values, *counts, chance(group, metric="R@1")])
    header = ["system", "attribute", "set", "protocol", *metrics]
    header += ["queries", "candidates", "sentences", "chance R@1"]
    used = {protocol.split(":")[0].removesuffix("-centred") for protocol in rows["protocol"]}
    meanings = [text for name, text in MEANINGS.items() if name in used]
    if rows["protocol"].str.contains(":mean:").any():
        meanings.append(OF_PATTERN)
    caption = f"{caption} {'; '.join(meanings)}. All in percent. {INTERVALS} sentences.{_duplicates(rows)}"
    return Table(title, caption, header, lines, names=4)


def _long_lists(retrieval: pd.DataFrame) -> str:
    """Where to look for directions that have no table of their own."""
    rows = one_directions(retrieval)
    long = [part for (part,) in ordered(rows, "set") if _is_long(pick(rows, set=part))]
    return f" The directions of {', '.join(long)}, one by one, are in results.tsv." if long else ""


def _is_long(rows: pd.DataFrame) -> bool:
    return len(set().union(*languages_of(rows))) > MAX_LANGUAGES


def _duplicates(rows: pd.DataFrame) -> str:
    """A footnote where candidates of different sentences have one vector."""
    found = pick(rows, metric="duplicates")
    if found.empty:
        return ""
    where = "; ".join(
        f"{number(value, 'duplicates')} for {system} on `{part}` (`{protocol}`)"
        for system, part, protocol, value in ordered(found, "system", "set", "protocol", "value")
    )
    return (
        " Candidates with exactly the vector of another sentence's candidate (two ids with one text, say), whose tie "
        f"counts as a miss, on average over the directions: {where}."
    )


def _pairs(retrieval: pd.DataFrame) -> list[Table]:
    """R@1 of protocol `one`, a table for each system: asking language by answering language."""
    rows = one_directions(pick(retrieval, metric="R@1"))
    tables = []
    for system, attribute, part in ordered(rows, "system", "attribute", "set"):
        group = pick(rows, system=system, attribute=attribute, set=part)
        asking, answering = languages_of(group)
        if _is_long(group):
            continue
        values = {protocol.split(":")[1]: value for protocol, value in ordered(group, "protocol", "value")}
        lines = [[source, *(_pair_cell(values.get(f"{source}-{target}")) for target in answering)] for source in asking]
        caption = (
            f"R@1 (percent) of protocol `one` on `{part}`, `{attribute}` embedding; {_span(group['n'])} "
            f"queries and as many candidates a direction, chance {_span(group['chance'])}."
        )
        tables.append(Table(f"Retrieval by pair: {system}", caption, ["asks \\ answers", *answering], lines))
    return tables


def _pair_cell(value: float | None) -> str:
    return ABSENT if value is None else number(value, "R@1")


def _span(values: pd.Series) -> str:
    low, high = f"{values.min():.3g}", f"{values.max():.3g}"
    return low if low == high else f"{low} to {high}"
