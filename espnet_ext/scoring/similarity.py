"""What all scores share: their rounding, the size of their blocks, the lengths of vectors."""

from collections.abc import Sequence

import numpy as np

from espnet_ext.utils.errors import UserError

# float64 cosines of equal vectors differ in the last bits with their place in a matrix product;
# rounded, they are equal again, and the tie rules see them.
SCORE_DECIMALS = 9
# Cells of one block: 32 MB of float64, however much there is.
BLOCK_CELLS = 4_000_000


def row_norms(vectors: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Lengths (n,) of the rows in float64, a block of rows at a time.

    Args:
        vectors: (n, dim).
        names: (n,) utterance ids, for the errors.

    Raises:
        UserError: no rows, a value that is not finite, or a row of zeros; names the first utterance.
    """
    if len(vectors) == 0:
        raise UserError("there are no embeddings to score; extract them first")
    norms = np.empty(len(vectors))
    step = max(1, BLOCK_CELLS // vectors.shape[1])
    for start in range(0, len(vectors), step):
        rows = slice(start, start + step)
        norms[rows] = np.linalg.norm(vectors[rows].astype(np.float64), axis=1)
    broken = np.flatnonzero(~np.isfinite(norms))
    if broken.size:
        raise UserError(f"the embedding of {names[broken[0]]} holds NaN or infinity; extract it again")
    if not norms.all():
        raise UserError(f"the embedding of {names[int(norms.argmin())]} is all zeros; extract it again")
    return norms
