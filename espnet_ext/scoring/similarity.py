"""Cosines between embeddings: whole matrices in blocks, or pair by pair."""

from collections.abc import Iterator, Sequence

import numpy as np

from espnet_ext.errors import UserError

# float64 cosines of equal vectors differ in the last bits with their place in a matrix product;
# rounded, they are equal again, and the tie rules see them.
SCORE_DECIMALS = 9
# Cells of one block of scores: 32 MB of float64, whatever the number of candidates.
BLOCK_CELLS = 4_000_000
# Below this length a centred vector is rounding noise: what is left of a collapsed model.
ZERO_NORM = 1e-6


def unit_rows(vectors: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Scale each row to length one, in float64.

    Args:
        vectors: (n, dim).
        names: (n,) utterance ids, for the errors.

    Raises:
        UserError: no rows, a value that is not finite, or a row of zeros; names the first utterance.
    """
    if len(vectors) == 0:
        raise UserError("there are no embeddings to score; extract them first")
    vectors = np.asarray(vectors, dtype=np.float64)
    broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if broken.size:
        raise UserError(f"the embedding of {names[broken[0]]} holds NaN or infinity; extract it again")
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not norms.all():
        raise UserError(f"the embedding of {names[int(norms.argmin())]} is all zeros; extract it again")
    return vectors / norms


def centre_rows(vectors: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Subtract from unit rows the mean of their group (say, language), and rescale to length one.

    A row that is its group's mean has no direction left and becomes zeros: its cosines all tie.

    Args:
        vectors: (n, dim) unit rows.
        groups: (n,) ids.
    """
    _, index = np.unique(groups, return_inverse=True)
    sums = np.zeros((index.max() + 1, vectors.shape[1]))
    np.add.at(sums, index, vectors)
    centred = vectors - (sums / np.bincount(index)[:, None])[index]
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.where(norms > ZERO_NORM, centred / np.maximum(norms, ZERO_NORM), 0.0)


def cosine_blocks(queries: np.ndarray, candidates: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the cosines of (q, dim) and (c, dim) unit rows as (rows of queries, (rows, c)) blocks."""
    step = max(1, BLOCK_CELLS // len(candidates))
    for start in range(0, len(queries), step):
        rows = slice(start, min(start + step, len(queries)))
        yield rows, np.round(queries[rows] @ candidates.T, SCORE_DECIMALS)


def paired_cosines(vectors: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Cosines of pairs of unit rows, in blocks, so that a long trial list copies few rows at a time.

    Args:
        vectors: (n, dim) unit rows.
        left, right: (pairs,) row numbers.

    Returns:
        (pairs,).
    """
    cosines = np.empty(len(left))
    step = max(1, BLOCK_CELLS // (8 * vectors.shape[1]))
    for start in range(0, len(left), step):
        pairs = slice(start, start + step)
        cosines[pairs] = np.einsum("nd,nd->n", vectors[left[pairs]], vectors[right[pairs]])
    return np.round(cosines, SCORE_DECIMALS)
