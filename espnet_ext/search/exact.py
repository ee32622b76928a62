"""Exact search: float32 products with every vector, a segment at a time; what they leave in doubt, in float64."""

from collections.abc import Iterable

import numpy as np

from espnet_ext.errors import UserError
from espnet_ext.search.ranking import Ranking
from espnet_ext.search.segment import Segment


def scan(ranking: Ranking, numbers: Iterable[int]) -> None:
    """Offer a ranking the rows of some segments that can be among its best.

    Raises:
        UserError: vectors that are not finite.
    """
    index, query = ranking.index, ranking.query
    vectors = {name: vector.astype(np.float32) for name, vector in query.items()}
    dims = sum(map(len, query.values()))
    bound = error_bound(dims) * sum(np.linalg.norm(vector) for vector in query.values())
    for number in numbers:
        scores = _products(index.segments[number], vectors)
        # Replaced rows are infinitely far.
        scores[index.replaced_in(number)] = -np.inf
        rows = np.flatnonzero(scores >= max(ranking.floor, _floor_of(scores, ranking.top) - bound) - bound)
        rows = rows[scores[rows] > -np.inf]
        if len(rows):
            ranking.offer(number, rows)


def _products(segment: Segment, query: dict[str, np.ndarray]) -> np.ndarray:
    """Float32 scores (rows,)."""
    scores = np.zeros(segment.num_rows, np.float32)
    for attribute, vector in query.items():
        scores += segment.vectors(attribute) @ vector
    if not np.isfinite(scores).all():
        raise UserError(f"{segment.folder}: broken index: vectors that are not finite; delete it and build it again")
    return scores


def _floor_of(scores: np.ndarray, top: int) -> float:
    """The `top`-th score of a segment, which its own best reach."""
    return float(np.partition(scores, -top)[-top]) if len(scores) >= top else -np.inf


def error_bound(dim: int) -> float:
    """Largest difference between a float32 product of two unit rows and their rounded float64 cosine.

    `dim` roundings in any order of summation (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1),
    those of the inputs and of the threshold, and the ninth decimal.
    """
    return 1.01 * (dim + 8) * 2.0**-24 + 1e-9
