"""Ranks by cosine and by ratio margin where each query has one right candidate, as for LASER's xSIM.

xSIM is the share of sentences whose nearest neighbor is wrong.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from espnet_ext.scoring.ranks import NEIGHBORS, Block, Products, count_wrong
from espnet_ext.scoring.rows import UnitRows, pair_cosines

MARGIN_DECIMALS = 9


class _Neighborhoods(NamedTuple):
    """Nearest neighbors of aligned rows, (n,) each.

    numbers: 0 to n - 1; right: cosine with the right candidate; ranks: rank of the right candidate by cosine;
    kth: cosine of the k-th nearest row of y; mean_x, mean_y: mean cosine of the k nearest rows of the other side.
    """

    numbers: Tensor
    right: Tensor
    ranks: Tensor
    kth: Tensor
    mean_x: Tensor
    mean_y: Tensor


def rank_aligned(x: UnitRows, y: UnitRows, products: Products, k: int = NEIGHBORS) -> tuple[np.ndarray, np.ndarray]:
    """Rank row i of y among all rows of y for row i of x, by cosine and by ratio margin.

    margin(x, y) = cos(x, y) / ((mean cosine of x's k nearest of y + of y's k nearest of x) / 2).
    As in LASER, only the k nearest rows by cosine (and those that tie with the k-th) are ranked by margin. Wrong rows
    that tie with the right one rank before it.

    Args:
        x, y: (n, dim) unit rows, aligned.

    Returns:
        ranks (n,) from 1 by cosine, and ranks (n,) float64 by margin. The latter are infinite where the right row is
        not among the nearest; all are NaN if a neighborhood's mean is not positive (centered vectors of very few
        sentences), because the ratio is then meaningless.
    """
    around = _neighborhoods(x, y, products, min(k, len(x)))
    right = (around.right / ((around.mean_x + around.mean_y) / 2)).round(decimals=MARGIN_DECIMALS)
    ranks = torch.ones(len(x), dtype=torch.float64, device=products.device)
    has_order = True
    for block in products.blocks(x, y):
        margins, is_defined = _margins(block, around)
        has_order &= is_defined
        ranks[block.rows] += count_wrong(block, margins, right, around.numbers, around.numbers)
    ranks[around.right < around.kth] = torch.inf
    if not has_order:
        ranks[:] = torch.nan
    return around.ranks.cpu().numpy(), ranks.cpu().numpy()


def _neighborhoods(x: UnitRows, y: UnitRows, products: Products, k: int) -> _Neighborhoods:
    """Computed in one pass over all cosines; rows contain the neighbors of x, columns contain the neighbors of y."""
    n, every = len(x), np.arange(len(x))
    right = torch.from_numpy(pair_cosines(x, y, every, every)).to(products.device)
    numbers = torch.from_numpy(every).to(products.device)
    ranks = torch.ones(n, dtype=torch.int64, device=products.device)
    top_x, top_y = torch.full((2, n, k), -torch.inf, dtype=torch.float64, device=products.device)
    for block in products.blocks(x, y):
        ranks[block.rows] += count_wrong(block, block.cosines, right, numbers, numbers)
        _keep_largest(top_x[block.rows], block.cosines)
        _keep_largest(top_y[block.columns], block.cosines.T)
    return _Neighborhoods(numbers, right, ranks, top_x[:, -1], top_x.mean(dim=1), top_y.mean(dim=1))


def _keep_largest(top: Tensor, scores: Tensor) -> None:
    """Update the k largest scores (m, k) of each row, in descending order, with (m, n) new scores."""
    k = top.shape[1]
    new = scores.topk(min(k, scores.shape[1]), dim=1).values
    top[:] = torch.cat([top, new], dim=1).topk(k, dim=1).values


def _margins(block: Block, around: _Neighborhoods) -> tuple[Tensor, bool]:
    """Margins (rows, columns), -inf outside the k nearest, and whether all neighborhood means are positive."""
    means = (around.mean_x[block.rows, None] + around.mean_y[block.columns]) / 2
    is_near = block.cosines >= around.kth[block.rows, None]
    is_defined = not bool((is_near & (means <= 0)).any())
    margins = block.cosines.div_(means).round_(decimals=MARGIN_DECIMALS)
    return margins.masked_fill_(~is_near, -torch.inf), is_defined
