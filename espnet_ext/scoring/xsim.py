"""xSIM with a margin: the share of sentences whose nearest neighbour is wrong (LASER).

With plain cosine ("absolute") xSIM is 100 - R@1 and is read off the ranks of `retrieval`.
"""

import numpy as np

from espnet_ext.scoring.products import Products
from espnet_ext.scoring.rows import UnitRows
from espnet_ext.scoring.search import Neighbours, find_neighbours

NEIGHBOURS = 4
MARGIN_DECIMALS = 9


def neighbour_means(rows: UnitRows, others: UnitRows, k: int, products: Products) -> np.ndarray:
    """Mean cosine of each row with its k nearest of `others` (fewer where there are fewer): (n,)."""
    means = np.empty(len(rows))
    for part in find_neighbours(rows, others, k, products):
        means[part.queries] = part.means
    return means


def score_neighbours(
    x: UnitRows, y: UnitRows, products: Products, k: int = NEIGHBOURS
) -> tuple[np.ndarray, np.ndarray]:
    """Rank the right one of y among the k nearest of each row of x, by cosine and by ratio margin; row i is right.

    margin(x, y) = cos(x, y) / ((mean cosine of x's k nearest of y + of y's k nearest of x) / 2).
    As in LASER, the best is sought among the k nearest by cosine. A tie is an error.

    Args:
        x, y: (n, dim) unit rows, aligned.

    Returns:
        ranks (n,) by cosine as `rank_queries` has them, 0 where the right one is not among the nearest;
        errors (n,) float by margin, 1 where the best is wrong; all NaN where a neighbourhood has no
        positive mean (centred vectors of very few sentences), since the ratio then has no order.
    """
    mean_y = neighbour_means(y, x, k, products)
    ranks, errors = np.zeros(len(x), np.int64), np.zeros(len(x))
    for part in find_neighbours(x, y, k, products):
        ranks[part.queries] = _rank_right(part, part.cosines)
        around = (part.means[part.places] + mean_y[part.candidates]) / 2
        if (around <= 0).any():
            errors[:] = np.nan
        else:
            margins = np.round(part.cosines / around, MARGIN_DECIMALS)
            errors[part.queries] += _rank_right(part, margins) != 1  # NaN stays NaN
    return ranks, errors


def _rank_right(part: Neighbours, scores: np.ndarray) -> np.ndarray:
    """Rank (queries,) of each query's right one by scores (pairs,), whoever ties before it; 0: no neighbour."""
    is_right = part.candidates == part.queries[part.places]
    right = np.full(len(part.queries), np.inf)
    right[part.places[is_right]] = scores[is_right]
    return np.bincount(part.places[scores >= right[part.places]], minlength=len(right))
