"""Search by texts and recordings with signed weights: FAISS selects candidates, float64 cosines rank them."""

import json
import math
from collections.abc import Collection, Sequence
from itertools import batched
from typing import NamedTuple

import faiss
import numpy as np

from espnet_ext.kaldi.vectors import unit_length
from espnet_ext.scoring.rows import SCORE_DECIMALS
from espnet_ext.search.index import SearchIndex
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.printable import markdown_table, printable

# Candidates of an approximate search that are compared exactly.
CANDIDATES_PER_HIT = 100
# Rows compared in float64 at once.
BLOCK_ROWS = 4096


class QueryTerm(NamedTuple):
    """One term of a query.

    Attributes:
        attribute: its vectors are compared with the term; None for a text = the only attribute with a text teacher.
        name: a text, or the path of a recording.
        weight: factor of the cosine in the score; negative = dissimilar.
        vector: (dim,) of any length; None until the term is embedded.
    """

    attribute: str | None
    name: str
    weight: float
    vector: np.ndarray | None = None


class Match(NamedTuple):
    """A recording that matches a query.

    Attributes:
        recording, audio: its id, and its file (with times in seconds if it is a part of the file).
        score: the weighted sum of `cosines`.
        cosines: one for each term.
    """

    recording: str
    audio: str
    score: float
    cosines: tuple[float, ...]


def parse_audio_term(word: str, attributes: Collection[str]) -> QueryTerm:
    """Read `ATTRIBUTE=FILE[:WEIGHT]`. A number after the last colon is the weight.

    Raises:
        UserError: another form, an attribute that is not one of `attributes`, or a weight that is zero or not finite.
    """
    attribute, _, path = word.partition("=")
    before, _, after = path.rpartition(":")
    try:
        path, weight = (before, float(after)) if before else (path, 1.0)
    except ValueError:
        weight = 1.0
    if attribute not in attributes or not path:
        raise UserError(f"--audio {word}: expected ATTRIBUTE=FILE[:WEIGHT], ATTRIBUTE one of {', '.join(attributes)}")
    return QueryTerm(attribute, path, check_weight(weight, f"--audio {word}"))


def check_weight(weight: float, where: str) -> float:
    """Return the weight; UserError if it is zero or not finite."""
    if weight == 0 or not math.isfinite(weight):
        raise UserError(f"{where}: a weight must be a finite number other than 0; negative = dissimilar")
    return weight


def search(index: SearchIndex, terms: Sequence[QueryTerm], top: int, codes: faiss.Index | None = None) -> list[Match]:
    """Recordings with the highest weighted sum of cosines, best first; ties are in the order of their ids.

    Args:
        terms: at least one; the index must have their attributes.
        top: maximum number of results.
        codes: codes of the index, for an approximate search; scores are exact in any case.

    Raises:
        UserError: the index is empty, or one of its files is broken.
    """
    if not len(index.vectors):
        raise UserError(f"{index.folder}: no recordings in this index yet; run `search build` again")
    query = np.zeros((1, index.vectors.shape[1]), np.float32)
    for term in terms:
        query[0, index.columns[term.attribute]] += term.weight * unit_length(term.vector)
    if codes:
        rows = codes.search(query, min(CANDIDATES_PER_HIT * top, codes.ntotal))[1][0]
    else:
        rows = _nearest(index.vectors, query, top)
    cosines = np.concatenate([_cosines(index, list(block), terms) for block in batched(rows, BLOCK_ROWS)])
    # Rounded, so that equal vectors have equal scores.
    scores = (cosines * [term.weight for term in terms]).sum(axis=1).round(SCORE_DECIMALS)
    best = np.flatnonzero(scores >= np.sort(scores)[-top:][0])
    matches = [
        Match(entry.identity, str(entry.source), float(scores[place]), tuple(cosines[place].tolist()))
        for place, entry in zip(best, index.entries(rows[best].tolist()), strict=True)
    ]
    return sorted(matches, key=lambda hit: (-hit.score, hit.recording))[:top]


def _nearest(vectors: np.ndarray, query: np.ndarray, top: int) -> np.ndarray:
    """Rows that may be among the `top` best within the error of float32 products.

    Args:
        vectors: (rows, width), all of the same length.
        query: (1, width).
    """
    # Higham, Accuracy and Stability of Numerical Algorithms, section 3.1.
    error = np.finfo(np.float32).eps * query.size * np.linalg.norm(query) * np.linalg.norm(vectors[0])
    for count in (2 * top, 64 * top, len(vectors)):
        scores, rows = faiss.knn(query, vectors, min(count, len(vectors)), metric=faiss.METRIC_INNER_PRODUCT)
        if count >= len(vectors) or scores[0, -1] < scores[0, top - 1] - 2 * error:
            break
    return rows[rows >= 0]  # FAISS returns -1 in place of rows that are not finite


def _cosines(index: SearchIndex, rows: list[int], terms: Sequence[QueryTerm]) -> np.ndarray:
    """(rows, terms) float64."""
    vectors = index.vectors[rows]
    parts = [unit_length(vectors[:, index.columns[term.attribute]]) for term in terms]
    # Not a matrix product, whose sums may depend on a row's place.
    products = [np.einsum("nd,d->n", part, unit_length(term.vector)) for part, term in zip(parts, terms, strict=True)]
    return np.stack(products, axis=1)


def as_table(terms: Sequence[QueryTerm], matches: Sequence[Match]) -> str:
    """Format the query, one line per term, and the matches as a Markdown table with scores and cosines of the terms."""
    names = [f"{term.weight:+g} {term.attribute}" for term in terms]
    legend = [f"{name}: {printable(term.name)}" for name, term in zip(names, terms, strict=True)]
    rows = [
        [hit.recording, hit.audio, str(rank), f"{hit.score:.3f}", *(f"{cosine:.3f}" for cosine in hit.cosines)]
        for rank, hit in enumerate(matches, 1)
    ]
    header = ["recording", "audio", "rank", "score", *names]
    return "\n".join([*legend, "", markdown_table(header, rows, num_names=2)])


def as_json(terms: Sequence[QueryTerm], matches: Sequence[Match]) -> str:
    """Format the query's terms and the matches, best first, as a JSON object."""
    query = [{"attribute": term.attribute, "like": term.name, "weight": term.weight} for term in terms]
    hits = [{"rank": rank, **hit._asdict()} for rank, hit in enumerate(matches, 1)]
    return json.dumps({"query": query, "found": hits}, indent=2)
