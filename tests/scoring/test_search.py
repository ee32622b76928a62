"""Ranks and neighbours of every backend against float64 loops: ties, near ties, duplicates, odd blocks."""

import tracemalloc
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from espnet_ext.errors import UserError
from espnet_ext.scoring import products, search
from espnet_ext.scoring.products import FaissProducts, NumpyProducts, Products, choose_products, error_bound
from espnet_ext.scoring.rows import UnitRows
from espnet_ext.scoring.search import find_neighbours, rank_queries
from espnet_ext.scoring.torch_products import TorchProducts
from espnet_ext.teachers.runtime import Runtime

BACKENDS = [
    NumpyProducts,
    lambda: TorchProducts("cpu"),
    pytest.param(FaissProducts, marks=pytest.mark.skipif(not find_spec("faiss"), reason="FAISS is optional")),
]
KINDS = ("apart", "close", "equal", "collapsed")


def draw(rng: np.random.Generator, kind: str, n: int, dim: int, base: np.ndarray) -> np.ndarray:
    """Vectors that are far apart, within float32's error of each other, exact copies, or all the same."""
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
    """Place of the first right candidate in a list sorted by score, wrong ones first among equals."""
    order = sorted(zip(scores, right, strict=True), key=lambda pair: (-pair[0], pair[1]))
    return 1 + [is_right for _, is_right in order].index(True)


@pytest.fixture(params=range(3), ids=lambda seed: f"seed{seed}")
def rng(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> np.random.Generator:
    """A generator, and blocks of odd sizes."""
    rng = np.random.default_rng(request.param)
    monkeypatch.setattr(search, "TILE_ROWS", int(rng.integers(3, 40)))
    monkeypatch.setattr(search, "BLOCK_CELLS", int(rng.integers(1, 90)))
    monkeypatch.setattr(search, "PAIR_CHUNK", int(rng.integers(1, 50)))
    return rng


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_ranks_are_those_of_a_sorted_list(rng: np.random.Generator, kind: str, backend: Callable[[], Products]) -> None:
    base = rng.standard_normal((4, 20))
    x, y = draw(rng, kind, 37, 20, base), draw(rng, kind, 53, 20, base)
    found = rng.integers(0, 9, 53)
    wanted = rng.choice(found, 37)
    used = backend()
    used.block_cells = int(rng.integers(1, 300))
    sides = (UnitRows.of(side, [""] * len(side)) for side in (x, y))
    ranks, num_right = rank_queries(*sides, wanted, found, used)
    right = wanted[:, None] == found
    expected = [naive_rank(list(row), list(mask)) for row, mask in zip(cosines(x, y), right, strict=True)]
    assert ranks.tolist() == expected
    assert num_right.tolist() == right.sum(axis=1).tolist()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("k", [1, 4, 60])
def test_neighbours_are_those_of_a_sorted_list(
    rng: np.random.Generator, kind: str, backend: Callable[[], Products], k: int
) -> None:
    base = rng.standard_normal((4, 20))
    x, y = draw(rng, kind, 37, 20, base), draw(rng, kind, 53, 20, base)
    used = backend()
    used.block_cells = int(rng.integers(1, 300))
    found, means = {}, {}
    for part in find_neighbours(*(UnitRows.of(side, [""] * len(side)) for side in (x, y)), k, used):
        means |= dict(zip(part.queries.tolist(), part.means.tolist(), strict=True))
        for place, candidate, cosine in zip(part.places, part.candidates, part.cosines, strict=True):
            found.setdefault(int(part.queries[place]), {})[int(candidate)] = cosine
    assert sorted(found) == sorted(means) == list(range(37))
    for query, row in enumerate(cosines(x, y)):
        top = np.sort(row)[::-1][:k]
        assert found[query].keys() == set(np.flatnonzero(row >= top[-1]).tolist())
        assert means[query] == pytest.approx(top.mean(), abs=1e-9)


def test_a_tie_for_the_top_is_a_hit_only_if_all_tied_are_right() -> None:
    candidates = UnitRows.of(np.array([[1, 0], [2, 0], [0, 1]], np.float32), [""] * 3)
    query = UnitRows.of(np.array([[1, 0]], np.float32), [""])
    for sentences, rank in ((["a", "a", "b"], 1), (["a", "b", "b"], 2), (["b", "b", "a"], 3)):
        ranks, _ = rank_queries(query, candidates, np.array(["a"]), np.array(sentences), NumpyProducts())
        assert ranks == [rank]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dim", [3, 192, 1024])
def test_float32_products_stay_within_the_bound(backend: Callable[[], Products], dim: int) -> None:
    rng = np.random.default_rng(0)
    # Of one sign: roundings add up instead of cancelling.
    rows = UnitRows.of(np.abs(rng.standard_normal((60, dim))).astype(np.float32), [""] * 60)
    single = rows.take_float32(slice(0, 60))
    values, columns = backend().nearest(single, single, 60)
    exact = cosines(rows.take(slice(None)), rows.take(slice(None)))
    assert np.abs(values - np.take_along_axis(exact, columns, axis=1)).max() < error_bound(dim)


def test_nearly_everything_is_sorted_out_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = []
    exact = search.pair_cosines
    monkeypatch.setattr(search, "pair_cosines", lambda *sides: pairs.append(len(sides[2])) or exact(*sides))
    monkeypatch.setattr(search, "block_cosines", None)  # never called
    rng = np.random.default_rng(0)
    rows = UnitRows.of(rng.standard_normal((500, 64)).astype(np.float32), [""] * 500)
    rank_queries(rows, rows, np.arange(500), np.arange(500), NumpyProducts())
    assert sum(pairs) < 1.01 * 500  # of 250,000: each query's right one, and hardly any near tie
    pairs.clear()
    for _ in find_neighbours(rows, rows, 4, NumpyProducts()):
        pass
    assert sum(pairs) == 500 * 8


def test_memory_is_that_of_a_block_not_of_the_scores() -> None:
    n = 12_000
    vectors = np.random.default_rng(0).standard_normal((n, 16)).astype(np.float32)
    rows, every = UnitRows.of(vectors, range(n)), np.arange(n)
    tracemalloc.start()
    rank_queries(rows, rows, every, every, NumpyProducts())
    for _ in find_neighbours(rows, rows, 4, NumpyProducts()):
        pass
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 100e6  # all scores are 576 MB of float32


def test_without_faiss_numpy_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "find_spec", lambda name: None)
    assert type(choose_products()) is NumpyProducts


@pytest.mark.parametrize("device", ["cuda:99", "banana", ""])
def test_a_device_that_is_not_there_is_an_error(device: str) -> None:
    with pytest.raises(UserError, match=f"--device {device}: not usable here"):
        choose_products(device)


def test_products_of_reduced_precision_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU; the setting means nothing to a CPU."""
    monkeypatch.setattr(Runtime, "torch_device", lambda self: torch.device(self.device))
    matmul = torch.backends.cuda.matmul
    before = matmul.allow_tf32
    matmul.allow_tf32 = True
    try:
        TorchProducts("cpu")
        with pytest.raises(UserError, match="full float32"):
            TorchProducts("cuda")
    finally:
        matmul.allow_tf32 = before
