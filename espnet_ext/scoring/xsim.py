"""xSIM with a margin: the share of sentences whose nearest neighbour is wrong (LASER).

With plain cosine ("absolute") xSIM is 100 - R@1 and is read off the ranks of `retrieval`.
"""

import numpy as np

from espnet_ext.scoring.products import Products
from espnet_ext.scoring.rows import UnitRows
from espnet_ext.scoring.search import find_neighbours

NEIGHBOURS = 4
MARGIN_DECIMALS = 9


def neighbour_means(rows: UnitRows, others: UnitRows, k: int, products: Products) -> np.ndarray:
    """Mean cosine of each row with its k nearest of `others` (fewer where there are fewer): (n,)."""
    means = np.empty(len(rows))
    for part in find_neighbours(rows, others, k, products):
        means[part.queries] = part.means
    return means


def margin_errors(x: UnitRows, y: UnitRows, products: Products, k: int = NEIGHBOURS) -> np.ndarray:
    """Say of each row of x whether its best of y by ratio margin is wrong; row i of y is right.

    margin(x, y) = cos(x, y) / ((mean cosine of x's k nearest of y + of y's k nearest of x) / 2).
    As in LASER, the best is sought among the k nearest by cosine. A tie is an error.

    Args:
        x, y: (n, dim) unit rows, aligned.

    Returns:
        (n,) float, 1 for an error; all NaN where a neighbourhood has no positive mean (centred
        vectors of very few sentences), since the ratio then has no order.
    """
    mean_y = neighbour_means(y, x, k, products)
    errors = np.empty(len(x))
    for part in find_neighbours(x, y, k, products):
        around = (part.means[part.places] + mean_y[part.candidates]) / 2
        if (around <= 0).any():
            return np.full(len(x), np.nan)
        margins = np.round(part.cosines / around, MARGIN_DECIMALS)
        is_right = part.candidates == part.queries[part.places]
        right = np.full(len(part.queries), -np.inf)
        right[part.places[is_right]] = margins[is_right]
        # The right one counts among those that reach it; anybody else is a tie or better.
        reaching = np.bincount(part.places[margins >= right[part.places]], minlength=len(right))
        errors[part.queries] = (reaching > 1) | (right == -np.inf)
    return errors
