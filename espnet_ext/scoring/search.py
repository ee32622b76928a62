"""Exact ranks of the right candidates by float64 cosine. Memory does not grow with the number of scores."""

import numpy as np
import torch
from torch import Tensor

from espnet_ext.scoring.products import Block, Products
from espnet_ext.scoring.rows import UnitRows, pair_cosines

# Right pairs looked up at once, if many recordings share one sentence.
PAIR_CHUNK = 1_000_000


def rank_queries(
    queries: UnitRows, candidates: UnitRows, wanted: np.ndarray, found: np.ndarray, products: Products
) -> tuple[np.ndarray, np.ndarray]:
    """Rank of the best right candidate of each query. Wrong candidates that tie with it come before it.

    So rank 1 is a hit only if all candidates tied for the top are right: a collapsed model, all of whose scores are
    equal, must not profit from the order of an array.

    Args:
        queries, candidates: (q, dim) and (c, dim) unit rows.
        wanted, found: (q,) and (c,) sentences; each wanted one occurs among those found.

    Returns:
        ranks (q,) from 1, and how many candidates are right (q,).
    """
    best, num_right = _best_right(queries, candidates, wanted, found)
    _, codes = np.unique(np.concatenate([wanted, found]), return_inverse=True)
    best, codes = (torch.from_numpy(values).to(products.device) for values in (best, codes))
    wanted, found = codes[: len(best)], codes[len(best) :]
    ranks = torch.ones(len(best), dtype=torch.int64, device=products.device)
    for block in products.blocks(queries, candidates):
        ranks[block.rows] += count_wrong(block, block.cosines, best, wanted, found)
    return ranks.cpu().numpy(), num_right


def count_wrong(block: Block, scores: Tensor, best: Tensor, wanted: Tensor, found: Tensor) -> Tensor:
    """Wrong candidates of a block that reach the best right score of their query: (rows,).

    Args:
        scores: (rows, columns) of the block.
        best, wanted: (q,) of all queries; found: (c,) of all candidates. Equal numbers are a right pair.
    """
    reaching = scores >= best[block.rows, None]
    reaching &= wanted[block.rows, None] != found[block.columns]
    return reaching.sum(dim=1)


def _best_right(
    queries: UnitRows, candidates: UnitRows, wanted: np.ndarray, found: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Highest cosine of each query with a right candidate, and how many are right: (q,) each."""
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
