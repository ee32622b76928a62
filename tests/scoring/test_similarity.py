"""Lengths of vectors against a plain computation; what is no embedding is named."""

import numpy as np
import pytest

from espnet_ext.scoring import similarity
from espnet_ext.scoring.similarity import row_norms
from espnet_ext.utils.errors import UserError


@pytest.mark.parametrize("cells", [1, 10, 10**6])
def test_lengths_match_a_loop(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "BLOCK_CELLS", cells)
    vectors = np.random.default_rng(3).standard_normal((6, 4)).astype(np.float32)
    expected = [sum(float(x) ** 2 for x in row) ** 0.5 for row in vectors]
    np.testing.assert_allclose(row_norms(vectors, [""] * 6), expected, rtol=1e-12)


@pytest.mark.parametrize(("value", "says"), [(np.nan, "NaN"), (np.inf, "NaN or infinity"), (0.0, "all zeros")])
def test_a_broken_embedding_is_named(value: float, says: str) -> None:
    vectors = np.ones((3, 4))
    vectors[1] = value
    with pytest.raises(UserError, match=f"utt-b.*{says}"):
        row_norms(vectors, ["utt-a", "utt-b", "utt-c"])


def test_no_embeddings_is_an_error() -> None:
    with pytest.raises(UserError, match="no embeddings"):
        row_norms(np.empty((0, 4)), [])
