"""Margin-based xSIM against LASER's definition written as loops."""

import numpy as np
import pytest

from espnet_ext.scoring.ranks import Products, rank_queries
from espnet_ext.scoring.rows import UnitRows
from espnet_ext.scoring.xsim import rank_aligned


def unit_sides(x: np.ndarray, y: np.ndarray) -> tuple[UnitRows, UnitRows]:
    return tuple(UnitRows.of(rows, [""] * len(rows)) for rows in (x, y))


def margin_errors(x: np.ndarray, y: np.ndarray, k: int = 4, tile: int = 10**6) -> np.ndarray:
    """Whether the best candidate by margin is wrong, from plain arrays; NaN if it is undefined."""
    _, ranks = rank_aligned(*unit_sides(x, y), Products(tile_rows=tile), k)
    return np.where(np.isnan(ranks), np.nan, ranks != 1)


def naive_errors(x: np.ndarray, y: np.ndarray, k: int) -> list[float]:
    """For each x: its k nearest of y, re-ranked by cosine over the mean of both neighborhoods."""

    def cos(a: np.ndarray, b: np.ndarray) -> float:
        return sum(float(p) * float(q) for p, q in zip(a, b, strict=True))

    def nearest(a: np.ndarray, others: np.ndarray) -> list[int]:
        return sorted(range(len(others)), key=lambda j: -cos(a, others[j]))[:k]

    def mean(a: np.ndarray, others: np.ndarray) -> float:
        near = nearest(a, others)
        return sum(cos(a, others[j]) for j in near) / len(near)

    errors = []
    for i, a in enumerate(x):
        margins = {j: cos(a, y[j]) / ((mean(a, y) + mean(y[j], x)) / 2) for j in nearest(a, y)}
        errors.append(float(max(margins, key=margins.__getitem__) != i))
    return errors


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def aligned(n: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    # A common direction makes hubs, which the margin penalizes.
    meaning = rng.standard_normal((n, 6)) + 1.0
    sides = (meaning + noise * rng.standard_normal((n, 6)) for _ in range(2))
    return tuple(unit_rows(side) for side in sides)


@pytest.mark.parametrize("tile", [7, 10**6])
@pytest.mark.parametrize(("n", "k"), [(40, 4), (40, 1), (3, 4)])
def test_errors_match_the_definition(n: int, k: int, tile: int) -> None:
    x, y = aligned(n, noise=0.9)
    np.testing.assert_array_equal(margin_errors(x, y, k, tile), naive_errors(x, y, k))


def test_the_margin_differs_from_cosine_if_there_are_hubs() -> None:
    x, y = aligned(40, noise=0.9)
    by_cosine = (x @ y.T).argmax(axis=1) != np.arange(40)
    assert margin_errors(x, y).sum() < by_cosine.sum()


def test_a_tie_is_an_error() -> None:
    rows = np.repeat(unit_rows(np.ones((1, 5))), 6, axis=0)
    assert margin_errors(rows, rows).all()


def test_neighborhoods_without_a_positive_mean_have_no_score() -> None:
    x = np.array([[1.0, 0.0], [-1.0, 0.0]])
    assert np.isnan(margin_errors(x, x)).all()


@pytest.mark.parametrize("decimals", [9, 0], ids=["apart", "ties"])
@pytest.mark.parametrize("k", [1, 4])
def test_ranks_by_cosine_equal_those_of_the_general_search(k: int, decimals: int) -> None:
    sides = unit_sides(*(np.round(side, decimals) + 0.1 for side in aligned(40, noise=0.9)))
    every = np.arange(40)
    ranks, _ = rank_queries(*sides, every, every, Products())
    by_cosine, by_ratio = rank_aligned(*sides, Products(), k)
    assert by_cosine.tolist() == ranks.tolist()
    # A candidate with fewer than k candidates before it is a neighbor.
    assert np.isfinite(by_ratio[ranks <= k]).all() and np.isinf(by_ratio).any() == (ranks > k).any()
