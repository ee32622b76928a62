"""RESULTS.md from results.tsv alone: the main table first, then the details."""

import pandas as pd

from espnet_ext.report.markdown import Table, render
from espnet_ext.report.select import ABSENT, cell, chance, count, number, ordered, pick
from espnet_ext.scoring.retrieval import RANK_METRICS, XSIM_METRICS
from espnet_ext.scoring.verification import METRICS as VERIFICATION_METRICS

INTERVALS = "Brackets: 95 % bootstrap intervals over"
BOTH_UNITS = "sentences (retrieval) or speakers (verification)."
# Column of the main table: (its name, protocol, metric).
RETRIEVAL_COLUMNS = (
    ("speech-to-speech R@1", "one:mean", "R@1"),
    ("speech-to-text R@1", "text:mean", "R@1"),
    ("xSIM (margin)", "one:mean", "xSIM-margin"),
)
MEANINGS = {
    "all": "`all`: every recording asks, every recording of the other language answers",
    "one": "`one`: one recording per sentence and language",
    "text": "`text`: every recording asks, the teacher's embeddings of the transcripts answer "
    "(`mean`: of the same language, `mean-cross`: of another)",
}


def write_markdown(results: pd.DataFrame, title: str) -> str:
    """The whole of RESULTS.md."""
    sections = [main_table(results), *detail_tables(results)]
    return f"# {title}\n\n" + "\n".join(render(table) for table in sections if table.rows)


def main_table(results: pd.DataFrame) -> Table:
    """One row a system, one for chance: every attribute by its own rule."""
    columns, captions = [], []
    for attribute, part in ordered(pick(results, task="retrieval"), "attribute", "set"):
        base = {"attribute": attribute, "task": "retrieval", "set": part}
        columns += [(name, base | {"protocol": p, "metric": m}) for name, p, m in RETRIEVAL_COLUMNS]
        captions.append(_retrieval_caption(pick(results, **base), attribute, part))
    for attribute, part, trials in ordered(
        pick(results, task="verification"), "attribute", "set", "protocol"
    ):
        base = {"attribute": attribute, "task": "verification", "set": part, "protocol": trials}
        columns += [(metric, base | {"metric": metric}) for metric in VERIFICATION_METRICS]
        captions.append(_verification_caption(pick(results, **base), attribute, part, trials))
    names = [name for name, _ in columns]
    header = [_unique_name(name, names, wanted) for name, wanted in columns]
    rows = [
        [system, *(cell(results, system=system, **wanted) for _, wanted in columns)]
        for (system,) in ordered(results, "system")
    ]
    rows.append(["chance", *(chance(results, **wanted) for _, wanted in columns)])
    caption = " ".join([*captions, "R@1, xSIM and EER in percent.", INTERVALS, BOTH_UNITS])
    return Table("Main results", caption, ["system", *header], rows)


def _unique_name(name: str, names: list[str], wanted: dict[str, str]) -> str:
    """Several sets or attributes have columns of one name: say which each is."""
    return name if names.count(name) == 1 else f"{name} ({wanted['attribute']}, {wanted['set']})"


def _retrieval_caption(rows: pd.DataFrame, attribute: str, part: str) -> str:
    parts = [f"Retrieval by the `{attribute}` embedding on `{part}`:"]
    directions = rows[rows["protocol"].str.match(r"one:.+-")]["protocol"].nunique()
    for kind, what in (
        ("one:mean", f"speech-to-speech (protocol `one`), mean of {directions} directions"),
        ("text:mean", "speech-to-text (protocol `text`), mean over the recording's own language"),
    ):
        group = pick(rows, protocol=kind)
        if len(group):
            counts = {metric: count(group, metric) for metric in ("n", "candidates", "sentences")}
            parts.append(
                f"{what}, {counts['n']} queries, {counts['candidates']} candidates each, "
                f"{counts['sentences']} sentences;"
            )
    return " ".join(parts).rstrip(";:") + "."


def _verification_caption(rows: pd.DataFrame, attribute: str, part: str, trials: str) -> str:
    return (
        f"Verification by the `{attribute}` embedding on `{part}`, trials `{trials}`: "
        f"{count(rows, 'targets')} target trials of {count(rows, 'n')}, {count(rows, 'speakers')} speakers."
    )


def detail_tables(results: pd.DataFrame) -> list[Table]:
    """Everything else that results.tsv holds; a table without rows does not apply."""
    retrieval = results[results["task"] == "retrieval"]
    centred = retrieval["protocol"].str.contains("-centred:")
    return [
        _means(retrieval[~centred], "Retrieval", "Means over directions."),
        _means(
            retrieval[centred],
            "Retrieval, centred per language",
            "The mean embedding of each language in the set is subtracted before scoring: what this gains "
            "over the table above was lost to a shift between languages.",
        ),
        *_pairs(retrieval),
        _verification(results),
        _leakage(results),
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
    meanings = "; ".join(text for name, text in MEANINGS.items() if name in used)
    caption = f"{caption} {meanings}. All in percent. {INTERVALS} sentences."
    return Table(title, caption, header, lines, names=4)


def _pairs(retrieval: pd.DataFrame) -> list[Table]:
    """R@1 of protocol `one`, a table for each system: asking language by answering language."""
    rows = pick(retrieval, metric="R@1")
    rows = rows[rows["protocol"].str.match(r"one:.+-")]
    tables = []
    for system, attribute, part in ordered(rows, "system", "attribute", "set"):
        group = pick(rows, system=system, attribute=attribute, set=part)
        values = {protocol.split(":")[1]: value for protocol, value in ordered(group, "protocol", "value")}
        languages = sorted({language for pair in values for language in pair.split("-")})
        lines = [
            [source, *(_pair_cell(values.get(f"{source}-{target}")) for target in languages)]
            for source in languages
        ]
        caption = (
            f"R@1 (percent) of protocol `one` on `{part}`, `{attribute}` embedding; {_span(group['n'])} "
            f"queries and as many candidates a direction, chance {_span(group['chance'])}."
        )
        tables.append(Table(f"Retrieval by pair: {system}", caption, ["asks \\ answers", *languages], lines))
    return tables


def _pair_cell(value: float | None) -> str:
    return ABSENT if value is None else number(value, "R@1")


def _span(values: pd.Series) -> str:
    low, high = f"{values.min():.3g}", f"{values.max():.3g}"
    return low if low == high else f"{low} to {high}"


def _verification(results: pd.DataFrame) -> Table:
    rows = pick(results, task="verification")
    lines = []
    for system, attribute, part, trials in ordered(rows, "system", "attribute", "set", "protocol"):
        group = pick(rows, system=system, attribute=attribute, set=part, protocol=trials)
        counts = [count(group, metric) for metric in ("n", "targets", "speakers")]
        values = [cell(group, metric=metric) for metric in VERIFICATION_METRICS]
        lines.append([system, attribute, part, trials, *values, *counts])
    header = ["system", "attribute", "set", "trials", *VERIFICATION_METRICS, "number", "target", "speakers"]
    caption = (
        "Cosine of whole utterances. EER in percent, chance 50; minDCF normalised (C_miss = C_fa = 1) at the "
        f"target prior in brackets, 1 for accepting or refusing everything. {INTERVALS} speakers."
    )
    return Table("Speaker verification", caption, header, lines, names=4)


def _leakage(results: pd.DataFrame) -> Table:
    """Each rule's headline figure, from the head it belongs to and from the others."""
    is_recall = (results["protocol"] == "one:mean") & (results["metric"] == "R@1")
    rows = results[is_recall | (results["metric"] == "EER")]
    lines = []
    for system, part, protocol, metric in ordered(
        pick(rows, task="leakage"), "system", "set", "protocol", "metric"
    ):
        group = pick(rows, system=system, set=part, protocol=protocol, metric=metric)
        for attribute, task in ordered(group, "attribute", "task"):
            figure = cell(group, attribute=attribute, task=task)
            role = "leakage" if task == "leakage" else "own"
            lines.append([system, part, protocol, metric, attribute, role, figure, chance(group)])
    header = ["system", "set", "protocol", "metric", "head", "role", "value", "chance"]
    caption = (
        "The same scores taken across heads. A good head is strong where the figure is its `own` and near "
        f"chance where it is `leakage`. In percent. {INTERVALS} {BOTH_UNITS}"
    )
    return Table("Attribute leakage", caption, header, lines, names=6)
