"""The best recordings of a query so far: float64 scores, ties in order of the ids."""

from typing import NamedTuple

import numpy as np

from espnet_ext.data.entries import Entry
from espnet_ext.scoring.similarity import SCORE_DECIMALS
from espnet_ext.search.index import SearchIndex
from espnet_ext.search.segment import Segment


class Hit(NamedTuple):
    """A recording that was found; vectors: attribute -> (dim,) of unit length."""

    entry: Entry
    score: float
    vectors: dict[str, np.ndarray]


class Ranking:
    """Keeps the `top` best rows of those offered, and whoever ties with the last of them.

    Args:
        query: attribute -> (dim,) float64; a row's score is the sum of the products with its unit vectors.
    """

    def __init__(self, index: SearchIndex, query: dict[str, np.ndarray], top: int) -> None:
        self.index = index
        self.query = query
        self.top = top
        self.numbers = np.empty(0, np.int64)
        self.rows = np.empty(0, np.int64)
        self.scores = np.empty(0)

    @property
    def floor(self) -> float:
        """A row with a lower score than this is not among the best."""
        return float(np.partition(self.scores, -self.top)[-self.top]) if len(self.scores) >= self.top else -np.inf

    def offer(self, number: int, rows: np.ndarray) -> None:
        """Score some rows of a segment, ascending, and keep the best of all."""
        scores = score_rows(self.index.segments[number], rows, self.query)
        # Rows of a segment are in order of their ids, so that of tied ones only the first can stay.
        best = np.argsort(-scores, kind="stable")[: self.top]
        self.numbers = np.append(self.numbers, np.full(len(best), number))
        self.rows = np.append(self.rows, rows[best])
        self.scores = np.append(self.scores, scores[best])
        kept = self.scores >= self.floor
        self.numbers, self.rows, self.scores = self.numbers[kept], self.rows[kept], self.scores[kept]

    def hits(self) -> list[Hit]:
        """The best, highest score first, equal scores in order of their ids."""
        found: list[tuple[float, Entry, Segment, int]] = []
        for number in np.unique(self.numbers).tolist():
            here = self.numbers == number
            segment, rows = self.index.segments[number], self.rows[here].tolist()
            entries = segment.entries(rows)
            found += zip(self.scores[here].tolist(), entries, [segment] * len(rows), rows, strict=True)
        found.sort(key=lambda hit: (-hit[0], hit[1].identity))
        return [
            Hit(entry, score, {name: _unit(segment, name, np.array([row]))[0] for name in self.query})
            for score, entry, segment, row in found[: self.top]
        ]


def score_rows(segment: Segment, rows: np.ndarray, query: dict[str, np.ndarray]) -> np.ndarray:
    """Float64 scores (rows,) of some rows of a segment, to nine decimals: equal vectors have equal scores."""
    total = np.zeros(len(rows))
    for attribute, vector in query.items():
        # Not a matrix product, whose sums may depend on a row's place.
        total += np.einsum("nd,d->n", _unit(segment, attribute, rows), vector)
    return np.round(total, SCORE_DECIMALS)


def _unit(segment: Segment, attribute: str, rows: np.ndarray) -> np.ndarray:
    vectors = segment.vectors(attribute)[rows].astype(np.float64)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
