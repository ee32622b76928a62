"""Exact ranks against float64 loops: ties, near ties, duplicates, blocks of odd sizes, memory."""

import tracemalloc

import numpy as np
import pytest
import torch

from espnet_ext.scoring import ranks
from espnet_ext.scoring.ranks import Products, rank_queries
from espnet_ext.scoring.rows import UnitRows
from espnet_ext.scoring.xsim import rank_aligned
from espnet_ext.utils.errors import UserError

KINDS = ("apart", "close", "equal", "collapsed")


def draw(rng: np.random.Generator, kind: str, n: int, dim: int, base: np.ndarray) -> np.ndarray:
    """Vectors that are far apart, within float32 error of each other, exact copies, or all equal."""
    if kind == "apart":
        return rng.standard_normal((n, dim)).astype(np.float32)
    if kind == "collapsed":
        return np.ones((n, dim), np.float32)
    vectors = base[rng.integers(0, len(base), n)]
    if kind == "close":
        vectors = vectors + rng.choice([0.0, 1e-7, 1e-5], (n, 1)) * rng.standard_normal((n, dim))
    return vectors.astype(np.float32)


def cosines(queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """The whole float64 matrix, nine decimals."""
    sides = (x.astype(np.float64) for x in (queries, candidates))
    queries, candidates = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in sides)
    return np.round(queries @ candidates.T, 9)


def naive_rank(scores: list[float], right: list[bool]) -> int:
    """Rank of the first correct candidate in a list sorted by score, with wrong candidates first among ties."""
    order = sorted(zip(scores, right, strict=True), key=lambda pair: (-pair[0], pair[1]))
    return 1 + [is_right for _, is_right in order].index(True)


@pytest.fixture(params=range(3), ids=lambda seed: f"seed{seed}")
def rng(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> np.random.Generator:
    """A generator, and chunks of odd sizes."""
    rng = np.random.default_rng(request.param)
    monkeypatch.setattr(ranks, "CHUNK_ROWS", int(rng.integers(3, 40)))
    monkeypatch.setattr(ranks, "PAIR_CHUNK", int(rng.integers(1, 50)))
    return rng


def small_blocks(rng: np.random.Generator) -> Products:
    return Products(tile_rows=int(rng.integers(3, 40)), block_cells=int(rng.integers(1, 300)))


def unit_sides(*sides: np.ndarray) -> tuple[UnitRows, ...]:
    return tuple(UnitRows.of(side, [""] * len(side)) for side in sides)


@pytest.mark.parametrize("kind", KINDS)
def test_ranks_equal_those_of_a_sorted_list(rng: np.random.Generator, kind: str) -> None:
    base = rng.standard_normal((4, 20))
    x, y = draw(rng, kind, 37, 20, base), draw(rng, kind, 53, 20, base)
    found = rng.integers(0, 9, 53).astype(str)
    wanted = rng.choice(found, 37)
    ranks, num_right = rank_queries(*unit_sides(x, y), wanted, found, small_blocks(rng))
    right = wanted[:, None] == found
    expected = [naive_rank(list(row), list(mask)) for row, mask in zip(cosines(x, y), right, strict=True)]
    assert ranks.tolist() == expected
    assert num_right.tolist() == right.sum(axis=1).tolist()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 4, 60])
def test_aligned_ranks_equal_those_of_a_sorted_list(rng: np.random.Generator, kind: str, k: int) -> None:
    base = rng.standard_normal((4, 20))
    x, y = (np.abs(draw(rng, kind, 37, 20, base)) for _ in range(2))
    by_cosine, by_ratio = rank_aligned(*unit_sides(x, y), small_blocks(rng), k)
    scores, k = cosines(x, y), min(k, 37)
    around_y = np.sort(scores, axis=0)[-k:].mean(axis=0)
    for query, row in enumerate(scores):
        right = [candidate == query for candidate in range(37)]
        assert by_cosine[query] == naive_rank(list(row), right)
        nearest = np.sort(row)[-k:]
        margins = np.round(row / ((nearest.mean() + around_y) / 2), 9)
        is_near = row >= nearest[0]
        if is_near[query]:
            near = [right[candidate] for candidate in np.flatnonzero(is_near)]
            assert by_ratio[query] == naive_rank(list(margins[is_near]), near)
        else:
            assert by_ratio[query] == np.inf


def test_a_tie_for_the_top_is_a_hit_only_if_all_tied_candidates_are_correct() -> None:
    query, candidates = unit_sides(np.array([[1, 0]], np.float32), np.array([[1, 0], [2, 0], [0, 1]], np.float32))
    for sentences, rank in ((["a", "a", "b"], 1), (["a", "b", "b"], 2), (["b", "b", "a"], 3)):
        ranks, _ = rank_queries(query, candidates, np.array(["a"]), np.array(sentences), Products())
        assert ranks == [rank]


def test_equal_rows_tie_wherever_they_are_in_a_block() -> None:
    rows = UnitRows.of(np.repeat(np.random.default_rng(0).standard_normal((1, 513)), 101, axis=0), [""] * 101)
    blocks = list(Products(tile_rows=7, block_cells=30).blocks(rows, rows))
    assert len(torch.cat([block.cosines.flatten() for block in blocks]).unique()) == 1
    assert sum(block.cosines.numel() for block in blocks) == 101**2


def test_memory_is_limited_to_a_block_of_the_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    """numpy's memory is traced; torch's blocks are counted."""
    n, cells = 12_000, []
    vectors = np.random.default_rng(0).standard_normal((n, 16)).astype(np.float32)
    rows, every = UnitRows.of(vectors, range(n)), np.arange(n)
    blocks = Products.blocks

    def counted(self: Products, *sides: UnitRows) -> object:
        for block in blocks(self, *sides):
            cells.append(block.cosines.numel())
            yield block

    monkeypatch.setattr(Products, "blocks", counted)
    tracemalloc.start()
    rank_queries(rows, rows, every, every, Products())
    rank_aligned(rows, rows, Products())
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 20e6 and max(cells) <= 4_000_000  # all scores are 144,000,000 cells, 1.2 GB
    assert sum(cells) == 3 * n**2


def test_a_device_without_float64_is_an_error() -> None:
    with pytest.raises(UserError, match="--device mps: this device has no float64; use cpu"):
        Products.on(torch.device("mps"))
