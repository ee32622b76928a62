"""xSIM with a margin: the share of sentences whose nearest neighbour is wrong (LASER).

With plain cosine ("absolute") xSIM is 100 - R@1 and is read off the ranks of `retrieval`.
"""

import numpy as np

from espnet_ext.scoring.similarity import cosine_blocks

NEIGHBOURS = 4


def neighbour_means(rows: np.ndarray, others: np.ndarray, k: int = NEIGHBOURS) -> np.ndarray:
    """Mean cosine of each row with its k nearest of `others` (fewer where there are fewer): (n,)."""
    k = min(k, len(others))
    means = np.empty(len(rows))
    for block, cosines in cosine_blocks(rows, others):
        means[block] = np.partition(cosines, -k, axis=1)[:, -k:].mean(axis=1)
    return means


def margin_errors(x: np.ndarray, y: np.ndarray, k: int = NEIGHBOURS) -> np.ndarray:
    """Say of each row of x whether its best of y by ratio margin is wrong; row i of y is right.

    margin(x, y) = cos(x, y) / ((mean cosine of x's k nearest of y + of y's k nearest of x) / 2).
    As in LASER, the best is sought among the k nearest by cosine. A tie is an error.

    Args:
        x, y: (n, dim) unit rows, aligned.

    Returns:
        (n,) float, 1 for an error; all NaN where a neighbourhood has no positive mean (centred
        vectors of very few sentences), since the ratio then has no order.
    """
    k = min(k, len(y))
    mean_x, mean_y = neighbour_means(x, y, k), neighbour_means(y, x, k)
    errors = np.empty(len(x))
    for block, cosines in cosine_blocks(x, y):
        near = cosines >= np.partition(cosines, -k, axis=1)[:, -k, None]
        around = (mean_x[block, None] + mean_y) / 2
        if (around[near] <= 0).any():
            return np.full(len(x), np.nan)
        margins = np.full_like(cosines, -np.inf)
        margins[near] = np.round(cosines[near] / around[near], 9)
        rows = np.arange(len(margins))
        right = margins[rows, rows + block.start]
        # The right one counts among those that reach it; anybody else is a tie or better.
        errors[block] = ((margins >= right[:, None]).sum(axis=1) > 1) | (right == -np.inf)
    return errors
