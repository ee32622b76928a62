"""A query: texts and recordings with signed weights. FAISS selects candidates in float32, float64 cosines rank them."""

import math
from collections.abc import Collection, Sequence
from itertools import batched
from typing import NamedTuple

import faiss
import numpy as np

from espnet_ext.kaldi.vectors import unit_length
from espnet_ext.scoring.similarity import SCORE_DECIMALS
from espnet_ext.search.index import SearchIndex
from espnet_ext.utils.errors import UserError

# Compared exactly, of an approximate search.
CANDIDATES_PER_HIT = 100
# Rows that are compared in float64 at once.
BLOCK_ROWS = 4096


class Term(NamedTuple):
    """One term.

    Attributes:
        attribute: whose vectors it is compared with; of a text, None = the only one with a text teacher.
        name: a text, or the path of a recording.
        weight: of its cosine in the score; negative = unlike this.
        vector: (dim,) of any length; None until it is embedded.
    """

    attribute: str | None
    name: str
    weight: float
    vector: np.ndarray | None = None


class Found(NamedTuple):
    """A recording that was found.

    Attributes:
        recording, audio: its id, and its file (with the seconds where it is a part of it).
        score: the weighted sum of `cosines`.
        cosines: one for each term.
    """

    recording: str
    audio: str
    score: float
    cosines: tuple[float, ...]


def parse_audio_term(word: str, attributes: Collection[str]) -> Term:
    """Read `ATTRIBUTE=FILE[:WEIGHT]`; what follows the last colon is a weight if it is a number.

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
    return Term(attribute, path, check_weight(weight, f"--audio {word}"))


def check_weight(weight: float, where: str) -> float:
    """The weight itself; UserError if it is zero or not finite."""
    if weight == 0 or not math.isfinite(weight):
        raise UserError(f"{where}: a weight is a number other than 0; negative = unlike this")
    return weight


def search(index: SearchIndex, terms: Sequence[Term], top: int, codes: faiss.Index | None = None) -> list[Found]:
    """The recordings with the highest weighted sum of cosines, best first; ties in order of the ids.

    Args:
        terms: at least one, of attributes that the index has.
        top: how many at most.
        codes: of the index, for an approximate search; scores are exact nevertheless.

    Raises:
        UserError: the index is empty, or a file of it is broken.
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
    found = [
        Found(entry.identity, str(entry.source), float(scores[place]), tuple(cosines[place].tolist()))
        for place, entry in zip(best, index.entries(rows[best].tolist()), strict=True)
    ]
    return sorted(found, key=lambda hit: (-hit.score, hit.recording))[:top]


def _nearest(vectors: np.ndarray, query: np.ndarray, top: int) -> np.ndarray:
    """Rows that are among the `top` best, or are not by less than float32 products err.

    Args:
        vectors: (rows, width), of the same length.
        query: (1, width).
    """
    # Higham, Accuracy and Stability of Numerical Algorithms, section 3.1.
    error = np.finfo(np.float32).eps * query.size * np.linalg.norm(query) * np.linalg.norm(vectors[0])
    for wanted in (2 * top, 64 * top, len(vectors)):
        scores, rows = faiss.knn(query, vectors, min(wanted, len(vectors)), metric=faiss.METRIC_INNER_PRODUCT)
        if wanted >= len(vectors) or scores[0, -1] < scores[0, top - 1] - 2 * error:
            break
    return rows[rows >= 0]  # a row that is not finite is not found


def _cosines(index: SearchIndex, rows: list[int], terms: Sequence[Term]) -> np.ndarray:
    """(rows, terms) float64."""
    vectors = index.vectors[rows]
    parts = [unit_length(vectors[:, index.columns[term.attribute]]) for term in terms]
    # Not a matrix product, whose sums may depend on a row's place.
    products = [np.einsum("nd,d->n", part, unit_length(term.vector)) for part, term in zip(parts, terms, strict=True)]
    return np.stack(products, axis=1)
