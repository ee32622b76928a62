"""Unit rows against whole float64 matrices; centering; equal rows; invalid embeddings."""

import numpy as np
import pytest

from espnet_ext.scoring import rows as module
from espnet_ext.scoring.rows import UnitRows, pair_cosines
from espnet_ext.utils.errors import UserError


def stored(n: int, dim: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_rows_equal_those_of_the_float64_matrix(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_ROWS", chunk)
    vectors = stored(9)
    expected = vectors.astype(np.float64) / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    rows = UnitRows.of(vectors, [""] * 9)
    np.testing.assert_array_equal(rows.take(slice(2, 8)), expected[2:8])
    index = np.array([8, 0, 3, 3])
    np.testing.assert_array_equal(rows.view(index).take(slice(1, 4)), expected[[0, 3, 3]])
    np.testing.assert_array_equal(rows.view(index).view(np.array([2, 0])).take(np.array([0, 1])), expected[[3, 8]])


def test_equal_rows_have_equal_cosines_at_any_position() -> None:
    rows = UnitRows.of(np.repeat(stored(1, dim=513), 101, axis=0), [""] * 101)
    places = np.arange(101)
    assert len(np.unique(pair_cosines(rows, rows, places, places[::-1]))) == 1


def test_cosines_of_pairs_match_a_loop() -> None:
    x, y = UnitRows.of(stored(6), [""] * 6), UnitRows.of(stored(7, seed=1), [""] * 7)
    expected = np.round([[sum(a * b for a, b in zip(p, q, strict=True)) for q in y.take(slice(None))]
                         for p in x.take(slice(None))], 9)  # fmt: skip
    left, right = np.divmod(np.arange(42), 7)
    np.testing.assert_allclose(pair_cosines(x, y, left, right), expected.ravel(), atol=1.1e-9)


@pytest.mark.parametrize("chunk", [2, 1000])
def test_centering_matches_a_loop_over_groups(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_ROWS", chunk)
    vectors = stored(9, dim=4)
    unit = UnitRows.of(vectors, [""] * 9).take(slice(None))
    groups = np.array(list("abacbaacb"))
    rows = UnitRows.of(vectors, [""] * 9)
    centred = rows.centered(groups)
    order = np.array([8, 2, 5, 0, 1, 3, 4, 7, 6])
    of_view = rows.view(order).centered(groups[order]).view(np.argsort(order))
    np.testing.assert_allclose(of_view.take(slice(1, 7)), centred.take(slice(1, 7)), atol=1e-12)
    for group in "abc":
        expected = unit[groups == group] - unit[groups == group].mean(axis=0)
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        found = centred.view(np.flatnonzero(groups == group)).take(slice(None))
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_collapsed_group_has_no_direction_after_centering() -> None:
    rows = UnitRows.of(np.full((6, 33), 0.1, np.float32), [""] * 6).centered(np.array(list("aaabbb")))
    assert not rows.take(slice(None)).any()


def test_identities_are_equal_if_rows_are_equal() -> None:
    vectors = stored(4)
    vectors[3] = vectors[1]
    assert UnitRows.of(vectors, [""] * 4).identities().tolist() == [0, 1, 2, 1]


@pytest.mark.parametrize("rows", [1, 4, 1024])
def test_lengths_match_a_loop(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_ROWS", rows)
    vectors = np.random.default_rng(3).standard_normal((6, 4)).astype(np.float32)
    expected = [sum(float(x) ** 2 for x in row) ** 0.5 for row in vectors]
    np.testing.assert_allclose(UnitRows.of(vectors, [""] * 6).norms, expected, rtol=1e-12)


@pytest.mark.parametrize(("value", "message"), [(np.nan, "NaN"), (np.inf, "NaN or infinity"), (0.0, "all zeros")])
def test_the_error_names_a_broken_embedding(value: float, message: str) -> None:
    vectors = np.ones((3, 4))
    vectors[1] = value
    with pytest.raises(UserError, match=f"utt-b.*{message}"):
        UnitRows.of(vectors, ["utt-a", "utt-b", "utt-c"])


def test_no_embeddings_is_an_error() -> None:
    with pytest.raises(UserError, match="no embeddings"):
        UnitRows.of(np.empty((0, 4)), [])
