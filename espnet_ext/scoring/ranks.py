"""Retrieval metrics, and exact ranks of the correct candidates by float64 cosine, in blocks, on the CPU or a GPU.

The products are nearly all of the arithmetic of retrieval: 2 * queries * candidates * dim operations (2e13 for
100,000 x 100,000 at 1,024 dimensions). A block is multiplied, compared and dropped: all scores would take 80 GB.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from espnet_ext.scoring.rows import CHUNK_ROWS, SCORE_DECIMALS, UnitRows, chunk_slices, pair_cosines
from espnet_ext.utils.errors import UserError

CPU = torch.device("cpu")
# Right pairs looked up at once, in case many recordings share one sentence.
PAIR_CHUNK = 1_000_000


class Block(NamedTuple):
    """Rounded cosines (rows, columns) of consecutive queries (`rows`) with consecutive candidates (`columns`)."""

    rows: slice
    columns: slice
    cosines: Tensor


@dataclass(frozen=True)
class Products:
    """Blocked matrix products of unit rows on a device.

    Attributes:
        device: a device of torch that has float64.
        tile_rows: candidates kept on the device at once (64 MB of float64 at 1,024 dimensions).
        block_cells: scores of one block (32 MB of float64).
    """

    device: torch.device = CPU
    tile_rows: int = 8192
    block_cells: int = 4_000_000

    @classmethod
    def on(cls, device: torch.device) -> "Products":
        """Products on a device, in larger blocks on a GPU (1 GB of candidates, 512 MB of scores).

        Raises:
            UserError: the device has no float64.
        """
        if device.type == "mps":
            raise UserError(f"--device {device}: this device has no float64; use cpu")
        return cls() if device.type == "cpu" else cls(device, tile_rows=131_072, block_cells=64_000_000)

    def blocks(self, queries: UnitRows, candidates: UnitRows) -> Iterator[Block]:
        """Cosines of all (q, dim) queries with all (c, dim) candidates. The caller may overwrite a block."""
        for columns in chunk_slices(len(candidates), self.tile_rows):
            tile = self._take(candidates, columns).T
            for rows in chunk_slices(len(queries), max(1, self.block_cells // tile.shape[1])):
                cosines = self._take(queries, rows) @ tile
                yield Block(rows, columns, cosines.round_(decimals=SCORE_DECIMALS))

    def _take(self, rows: UnitRows, part: slice) -> Tensor:
        """Consecutive rows as (m, dim) float64 on the device, converted a chunk at a time."""
        taken = torch.empty((part.stop - part.start, rows.dim), dtype=torch.float64, device=self.device)
        for chunk in chunk_slices(len(taken), CHUNK_ROWS, part.start):
            taken[chunk.start - part.start : chunk.stop - part.start] = torch.from_numpy(rows.take(chunk))
        return taken


def rank_queries(
    queries: UnitRows, candidates: UnitRows, query_ids: np.ndarray, candidate_ids: np.ndarray, products: Products
) -> tuple[np.ndarray, np.ndarray]:
    """Rank of the best right candidate of each query. Wrong candidates with the same score rank before it.

    Rank 1 is therefore a hit only if all candidates that tie for the top are right: a collapsed model, whose scores
    are all equal, must not score by array order.

    Args:
        queries, candidates: (q, dim) and (c, dim) unit rows.
        query_ids, candidate_ids: (q,) and (c,) sentence ids; each query id is also a candidate id.

    Returns:
        ranks (q,) from 1, and number of right candidates (q,).
    """
    best, num_right = _best_right(queries, candidates, query_ids, candidate_ids)
    _, codes = np.unique(np.concatenate([query_ids, candidate_ids]), return_inverse=True)
    best, codes = (torch.from_numpy(values).to(products.device) for values in (best, codes))
    query_ids, candidate_ids = codes[: len(best)], codes[len(best) :]
    ranks = torch.ones(len(best), dtype=torch.int64, device=products.device)
    for block in products.blocks(queries, candidates):
        ranks[block.rows] += count_wrong(block, block.cosines, best, query_ids, candidate_ids)
    return ranks.cpu().numpy(), num_right


def count_wrong(block: Block, scores: Tensor, best: Tensor, query_ids: Tensor, candidate_ids: Tensor) -> Tensor:
    """Wrong candidates of a block that reach the best right score of their query: (rows,).

    Args:
        scores: (rows, columns) of the block.
        best, query_ids: (q,) of all queries.
        candidate_ids: (c,) of all candidates; equal numbers are a right pair.
    """
    reaching = scores >= best[block.rows, None]
    reaching &= query_ids[block.rows, None] != candidate_ids[block.columns]
    return reaching.sum(dim=1)


def _best_right(
    queries: UnitRows, candidates: UnitRows, query_ids: np.ndarray, candidate_ids: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Highest cosine of each query with a right candidate, and number of right candidates: (q,) each."""
    order = np.argsort(candidate_ids, kind="stable")
    first, last = (np.searchsorted(candidate_ids, query_ids, side, sorter=order) for side in ("left", "right"))
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


# Neighbors in the ratio margin, as in LASER.
NEIGHBORS = 4


class RetrievalMetric(NamedTuple):
    """A metric computed from the rank of the best right candidate.

    Attributes:
        of_rank: maps ranks (queries,), from 1, to values (queries,) from 0 to 1.
        by: the score that ranks the candidates. `cosine` exists in every protocol. `absolute` (the cosine) and `ratio`
            (the ratio margin) are LASER's margins and exist where each query has one right candidate (protocol `one`).
    """

    of_rank: Callable[[np.ndarray], np.ndarray]
    by: Literal["cosine", "absolute", "ratio"] = "cosine"

    def values(self, ranks: np.ndarray) -> np.ndarray:
        """Values (queries,) in percent; NaN where the rank is NaN."""
        return np.where(np.isnan(ranks), np.nan, 100.0 * self.of_rank(ranks))

    def chance(self, odds: np.ndarray) -> float:
        """Expected value in percent, given the `rank_odds` of a random order."""
        return 100.0 * float(odds @ self.of_rank(np.arange(1, len(odds) + 1)))


# Name in results.tsv -> metric. The chance level follows from the function.
RETRIEVAL_METRICS: dict[str, RetrievalMetric] = {
    "R@1": RetrievalMetric(lambda rank: rank <= 1),
    "R@5": RetrievalMetric(lambda rank: rank <= 5),
    "MRR": RetrievalMetric(lambda rank: 1.0 / rank),
    "xSIM": RetrievalMetric(lambda rank: rank > 1, by="absolute"),
    "xSIM-margin": RetrievalMetric(lambda rank: rank > 1, by="ratio"),
}


def rank_odds(right: int, candidates: int) -> np.ndarray:
    """Probability (candidates,) of each rank of the best of `right` right candidates in a random order."""
    wrong = candidates - right
    # missed[k]: probability that the first k candidates are all wrong.
    places = np.arange(wrong)
    missed = np.append(1.0, np.cumprod((wrong - places) / (candidates - places)))
    odds = np.zeros(candidates)
    odds[: wrong + 1] = missed - np.append(missed[1:], 0.0)
    return odds


def mean_rank_odds(num_right: np.ndarray, candidates: int) -> np.ndarray:
    """Mean of `rank_odds` over queries (queries,), each with its own number of right candidates."""
    kinds, counts = np.unique(num_right, return_counts=True)
    odds = np.zeros(candidates)
    for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True):
        odds += rank_odds(kind, candidates) * (count / len(num_right))
    return odds
