"""Unit rows, centring and cosines against plain float64 computations."""

import numpy as np
import pytest

from espnet_ext.errors import UserError
from espnet_ext.scoring import similarity
from espnet_ext.scoring.similarity import centre_rows, cosine_blocks, paired_cosines, unit_rows


@pytest.mark.parametrize("cells", [1, 7 * 3, 10**6])
def test_blocks_make_up_the_whole_matrix(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "BLOCK_CELLS", cells)
    rng = np.random.default_rng(0)
    queries, candidates = rng.standard_normal((10, 5)), rng.standard_normal((7, 5))
    whole = np.full((10, 7), np.nan)
    for rows, block in cosine_blocks(queries, candidates):
        whole[rows] = block
    expected = [[sum(a * b for a, b in zip(q, c, strict=True)) for c in candidates] for q in queries]
    np.testing.assert_allclose(whole, expected, atol=1e-9)


def test_equal_vectors_have_equal_cosines_wherever_they_stand() -> None:
    row = np.random.default_rng(1).standard_normal((1, 513))
    rows = unit_rows(np.repeat(row, 101, axis=0), ["u"] * 101)
    ((_, block),) = cosine_blocks(rows, rows)
    assert len(np.unique(block)) == 1
    places = np.arange(101)
    assert (paired_cosines(rows, places, places[::-1]) == block[0, 0]).all()


@pytest.mark.parametrize("cells", [1, 100, 10**6])
def test_paired_cosines_match_a_loop(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "BLOCK_CELLS", cells)
    rng = np.random.default_rng(3)
    rows = unit_rows(rng.standard_normal((6, 4)), [""] * 6)
    left, right = rng.integers(0, 6, size=(2, 25))
    expected = [float((rows[i] * rows[j]).sum()) for i, j in zip(left, right, strict=True)]
    np.testing.assert_allclose(paired_cosines(rows, left, right), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("value", "says"), [(np.nan, "NaN"), (np.inf, "NaN or infinity"), (0.0, "all zeros")]
)
def test_a_broken_embedding_is_named(value: float, says: str) -> None:
    vectors = np.ones((3, 4))
    vectors[1] = value
    with pytest.raises(UserError, match=f"utt-b.*{says}"):
        unit_rows(vectors, ["utt-a", "utt-b", "utt-c"])


def test_no_embeddings_is_an_error() -> None:
    with pytest.raises(UserError, match="no embeddings"):
        unit_rows(np.empty((0, 4)), [])


def test_centring_matches_a_loop_over_groups() -> None:
    rng = np.random.default_rng(2)
    rows = unit_rows(rng.standard_normal((9, 4)), [""] * 9)
    groups = np.array(list("abacbaacb"))
    for group in "abc":
        members = rows[groups == group]
        expected = members - members.mean(axis=0)
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(centre_rows(rows, groups)[groups == group], expected, atol=1e-12)


def test_a_collapsed_group_has_no_direction_after_centring() -> None:
    rows = unit_rows(np.full((6, 33), 0.1), [""] * 6)
    assert not centre_rows(rows, np.array(list("aaabbb"))).any()
