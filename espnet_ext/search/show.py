"""The result of a query, as a table or as JSON."""

import json
from collections.abc import Sequence

from espnet_ext.report.markdown import Table, render_grid
from espnet_ext.search.query import Found, Term
from espnet_ext.utils.printable import printable


def as_table(terms: Sequence[Term], found: Sequence[Found]) -> str:
    """The query, one line for each term, and a Markdown table with the score and the cosine of each term."""
    names = [f"{term.weight:+g} {term.attribute}" for term in terms]
    legend = [f"{name}: {printable(term.name)}" for name, term in zip(names, terms, strict=True)]
    rows = [
        [hit.recording, hit.audio, str(rank), f"{hit.score:.3f}", *(f"{cosine:.3f}" for cosine in hit.cosines)]
        for rank, hit in enumerate(found, 1)
    ]
    table = Table("", "", ["recording", "audio", "rank", "score", *names], rows, names=2)
    return "\n".join([*legend, "", render_grid(table)])


def as_json(terms: Sequence[Term], found: Sequence[Found]) -> str:
    """An object with the query's terms and the recordings, best first."""
    query = [{"attribute": term.attribute, "like": term.name, "weight": term.weight} for term in terms]
    hits = [{"rank": rank, **hit._asdict()} for rank, hit in enumerate(found, 1)]
    return json.dumps({"query": query, "found": hits}, indent=2)
