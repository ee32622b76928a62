"""Unit rows and cosines of pairs against plain float64 computations."""

import numpy as np
import pytest

from espnet_ext.errors import UserError
from espnet_ext.scoring import similarity
from espnet_ext.scoring.similarity import paired_cosines, unit_rows


def test_equal_vectors_have_equal_cosines_wherever_they_stand() -> None:
    row = np.random.default_rng(1).standard_normal((1, 513))
    rows = unit_rows(np.repeat(row, 101, axis=0), ["u"] * 101)
    places = np.arange(101)
    assert len(np.unique(paired_cosines(rows, places, places[::-1]))) == 1


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
