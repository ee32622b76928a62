"""Exact search in blocks: ranks and nearest neighbours by float64 cosine, whatever multiplied.

Float32 products sort out nearly everything; only what they leave in doubt is computed in
float64. Memory does not grow with the number of scores.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from espnet_ext.scoring.products import Products, error_bound
from espnet_ext.scoring.rows import UnitRows, block_cosines, chunk_slices, pair_cosines
from espnet_ext.scoring.similarity import BLOCK_CELLS

# Candidates multiplied at once: 64 MB of float32 at 1,024 dimensions.
TILE_ROWS = 16_384
# Right pairs looked up at once, if many recordings share one sentence.
PAIR_CHUNK = 1_000_000
# Neighbours fetched beyond those asked for: they show that nobody further off can be among them.
SPARE_NEIGHBOURS = 4


def rank_queries(
    queries: UnitRows, candidates: UnitRows, wanted: np.ndarray, found: np.ndarray, products: Products
) -> tuple[np.ndarray, np.ndarray]:
    """Rank of the best right candidate of each query, every wrong candidate tied with it before it.

    So rank 1 is a hit only if all candidates tied for the top are right: a collapsed model,
    all of whose scores are equal, must not be paid for array order.

    Args:
        queries, candidates: (q, dim) and (c, dim) unit rows.
        wanted, found: (q,) and (c,) sentences; each wanted one occurs among those found.

    Returns:
        ranks (q,) from 1, and how many candidates are right (q,).
    """
    best, num_right = _best_right(queries, candidates, wanted, found)
    ranks = np.ones(len(queries), dtype=np.int64)
    for columns in chunk_slices(len(candidates), TILE_ROWS):
        tile = candidates.take_float32(columns)
        step = max(1, products.block_cells // len(tile))
        for rows in chunk_slices(len(queries), step):
            sieve = _Sieve(queries, candidates, rows, columns, best[rows])
            ranks[rows] += sieve.count_wrong(tile, wanted, found, products)
    return ranks, num_right


def _best_right(
    queries: UnitRows, candidates: UnitRows, wanted: np.ndarray, found: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Highest float64 cosine of each query with a right candidate, and how many are right: (q,) each."""
    order = np.argsort(found, kind="stable")
    first, last = (np.searchsorted(found, wanted, side, sorter=order) for side in ("left", "right"))
    num_right = last - first
    best = np.empty(len(queries))
    # Consecutive queries whose right pairs fit into one chunk together.
    chunk_of = (np.cumsum(num_right) - num_right) // PAIR_CHUNK
    for rows in np.split(np.arange(len(queries)), np.flatnonzero(np.diff(chunk_of)) + 1):
        ends = np.cumsum(num_right[rows])
        starts = ends - num_right[rows]
        within = np.arange(ends[-1]) - np.repeat(starts, num_right[rows])
        right = order[np.repeat(first[rows], num_right[rows]) + within]
        cosines = pair_cosines(queries, candidates, np.repeat(rows, num_right[rows]), right)
        best[rows] = np.maximum.reduceat(cosines, starts)
    return best, num_right


class _Sieve(NamedTuple):
    """One block of scores: consecutive queries with their best right cosines, consecutive candidates."""

    queries: UnitRows
    candidates: UnitRows
    rows: slice
    columns: slice
    best: np.ndarray

    def count_wrong(self, tile: np.ndarray, wanted: np.ndarray, found: np.ndarray, products: Products) -> np.ndarray:
        """Wrong candidates that reach the best right one: (rows,). A right one never exceeds it."""
        bound = error_bound(self.queries.dim)
        block = self.queries.take_float32(self.rows)
        reach = products.reaching(block, tile, self.best - bound, self.best + bound)
        wanted, found = wanted[self.rows], found[self.columns]
        if reach is None:
            counts = [
                ((cosines >= self.best[part, None]) & (wanted[part, None] != found)).sum(axis=1)
                for part, cosines in self._float64_blocks()
            ]
            return np.concatenate(counts)
        wrong = wanted[reach.rows] != found[reach.columns]
        row, column = reach.rows[wrong], reach.columns[wrong]
        cosines = pair_cosines(self.queries, self.candidates, row + self.rows.start, column + self.columns.start)
        return reach.surely + np.bincount(row[cosines >= self.best[row]], minlength=len(block))

    def _float64_blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """All cosines of the block: some of its queries and their (queries, columns) scores at a time."""
        step = max(1, BLOCK_CELLS // (self.columns.stop - self.columns.start))
        for part in chunk_slices(len(self.best), step):
            rows = slice(self.rows.start + part.start, self.rows.start + part.stop)
            yield part, block_cosines(self.queries, self.candidates, rows, self.columns)


class Neighbours(NamedTuple):
    """The k nearest candidates of some queries, and whoever ties with the k-th.

    queries: (m,) rows; means: (m,) mean cosine of the k nearest; of each pair, the place of its
    query in `queries`, its candidate and its cosine: (pairs,) each.
    """

    queries: np.ndarray
    means: np.ndarray
    places: np.ndarray
    candidates: np.ndarray
    cosines: np.ndarray


def find_neighbours(queries: UnitRows, candidates: UnitRows, k: int, products: Products) -> Iterator[Neighbours]:
    """The k nearest of (c, dim) candidates of each of (q, dim) queries, some queries at a time, in any order."""
    k = min(k, len(candidates))
    scores, columns = _sift(queries, candidates, min(k + SPARE_NEIGHBOURS, len(candidates)), products)
    # Nobody outside has a cosine above this.
    outside = scores.min(axis=1).astype(np.float64) + error_bound(queries.dim)
    doubtful = []
    for rows in chunk_slices(len(queries), max(1, PAIR_CHUNK // columns.shape[1])):
        places = np.arange(rows.start, rows.stop)
        pairs = np.repeat(places, columns.shape[1]), columns[rows].ravel()
        cosines = pair_cosines(queries, candidates, *pairs).reshape(len(places), -1)
        kth = np.partition(cosines, -k, axis=1)[:, -k]
        sure = (kth > outside[rows]) | (columns.shape[1] == len(candidates))
        doubtful.append(places[~sure])
        yield _keep_nearest(places[sure], cosines[sure], columns[rows][sure], k)
    # Ties or near ties beyond the spare ones: all cosines of these queries.
    doubtful = np.concatenate(doubtful)
    every = np.arange(len(candidates))
    for part in chunk_slices(len(doubtful), max(1, BLOCK_CELLS // len(candidates))):
        rows = doubtful[part]
        cosines = np.hstack(
            [block_cosines(queries, candidates, rows, tile) for tile in chunk_slices(len(candidates), TILE_ROWS)]
        )
        yield _keep_nearest(rows, cosines, np.broadcast_to(every, cosines.shape), k)


def _sift(queries: UnitRows, candidates: UnitRows, width: int, products: Products) -> tuple[np.ndarray, np.ndarray]:
    """The `width` largest float32 products of each query and their candidates: (q, width) each."""
    scores = np.full((len(queries), width), -np.inf, np.float32)
    columns = np.zeros((len(queries), width), np.int64)
    for tile in chunk_slices(len(candidates), TILE_ROWS):
        rows_of_tile = candidates.take_float32(tile)
        step = max(1, products.block_cells // len(rows_of_tile))
        for rows in chunk_slices(len(queries), step):
            block = queries.take_float32(rows)
            new, at = products.nearest(block, rows_of_tile, min(width, len(rows_of_tile)))
            both = np.hstack([scores[rows], new])
            kept = np.argpartition(both, -width, axis=1)[:, -width:]
            scores[rows] = np.take_along_axis(both, kept, axis=1)
            columns[rows] = np.take_along_axis(np.hstack([columns[rows], at + tile.start]), kept, axis=1)
    return scores, columns


def _keep_nearest(queries: np.ndarray, cosines: np.ndarray, candidates: np.ndarray, k: int) -> Neighbours:
    """The k nearest and their ties out of (m, width) cosines with candidates (m, width)."""
    top = np.sort(np.partition(cosines, -k, axis=1)[:, -k:], axis=1)
    places, at = np.nonzero(cosines >= top[:, :1])
    return Neighbours(queries, top.mean(axis=1), places, candidates[places, at], cosines[places, at])
