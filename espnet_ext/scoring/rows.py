"""Unit-length rows: stored as float32, converted to float64 a block at a time, and their cosines."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from espnet_ext.utils.errors import UserError

# float64 cosines of equal vectors differ in the last bits, depending on their place in a matrix product. Rounded, they
# are equal again, so that the tie rules apply.
SCORE_DECIMALS = 9
# Rows converted at a time: 8 MB of float64 at 1,024 dimensions.
CHUNK_ROWS = 1024
# A centered vector shorter than this is rounding noise, as of a collapsed model.
ZERO_NORM = 1e-6


@dataclass(frozen=True)
class Centering:
    """Group means that are subtracted from rows.

    means: (groups, dim); groups: (n,) group number of each row; norms: (n,) lengths after the subtraction.
    """

    means: np.ndarray
    groups: np.ndarray
    norms: np.ndarray

    def view(self, index: np.ndarray) -> "Centering":
        return replace(self, groups=self.groups[index], norms=self.norms[index])


@dataclass(frozen=True)
class UnitRows:
    """Rows of length one, with float64 values but the memory of the stored dtype.

    stored: (n, dim) as read from disk; norms: (n,) float64; index: rows of `stored` that are selected, None = all.
    """

    stored: np.ndarray
    norms: np.ndarray
    index: np.ndarray | None = None
    centering: Centering | None = None

    @classmethod
    def of(cls, vectors: np.ndarray, names: Sequence[str]) -> "UnitRows":
        """Rows of (n, dim) vectors; `names` (n,) are utterance ids for the errors.

        Raises:
            UserError: no rows, a value that is not finite, or a row of zeros; names the first such utterance.
        """
        if len(vectors) == 0:
            raise UserError("there are no embeddings to score; extract them first")
        norms = np.empty(len(vectors))
        for rows in chunk_slices(len(vectors), CHUNK_ROWS):
            norms[rows] = np.linalg.norm(vectors[rows].astype(np.float64), axis=1)
        broken = np.flatnonzero(~np.isfinite(norms))
        if broken.size:
            raise UserError(f"the embedding of {names[broken[0]]} contains NaN or infinity; extract it again")
        if not norms.all():
            raise UserError(f"the embedding of {names[int(norms.argmin())]} is all zeros; extract it again")
        return cls(vectors, norms)

    def __len__(self) -> int:
        return len(self.stored) if self.index is None else len(self.index)

    @property
    def dim(self) -> int:
        return self.stored.shape[1]

    def view(self, index: np.ndarray) -> "UnitRows":
        """Some of the rows, without a copy."""
        centering = self.centering and self.centering.view(index)
        return replace(self, index=index if self.index is None else self.index[index], centering=centering)

    def identities(self) -> np.ndarray:
        """A number for each row, (n,); rows stored with the same bytes have the same number."""
        seen: dict[bytes, int] = {}
        at = range(len(self)) if self.index is None else self.index
        # Digests instead of bytes: a second copy of 100,000 rows would need 400 MB.
        digests = (hashlib.blake2b(self.stored[row].tobytes(), digest_size=16).digest() for row in at)
        return np.array([seen.setdefault(digest, len(seen)) for digest in digests])

    def take(self, rows: slice | np.ndarray) -> np.ndarray:
        """Some rows as (m, dim) float64."""
        at = rows if self.index is None else self.index[rows]
        taken = self.stored[at].astype(np.float64)
        taken /= self.norms[at, None]
        if self.centering is not None:
            taken -= self.centering.means[self.centering.groups[rows]]
            norms = self.centering.norms[rows, None]
            taken /= np.maximum(norms, ZERO_NORM)
            taken *= norms > ZERO_NORM
        return taken

    def group_sums(self, codes: np.ndarray) -> np.ndarray:
        """Sums (groups, dim) of the rows of each group, given the rows' group numbers (n,)."""
        sums = np.zeros((codes.max() + 1, self.dim))
        for chunk in chunk_slices(len(self), CHUNK_ROWS):
            np.add.at(sums, codes[chunk], self.take(chunk))
        return sums

    def centered(self, groups: np.ndarray) -> "UnitRows":
        """Subtract the mean of each row's group (such as its language), and rescale to length one.

        A row that equals its group's mean becomes zeros, so all its cosines tie.

        Args:
            groups: (n,) ids.
        """
        _, codes = np.unique(groups, return_inverse=True)
        means = self.group_sums(codes) / np.bincount(codes)[:, None]
        norms = np.empty(len(self))
        for chunk in chunk_slices(len(self), CHUNK_ROWS):
            norms[chunk] = np.linalg.norm(self.take(chunk) - means[codes[chunk]], axis=1)
        return replace(self, centering=Centering(means, codes, norms))


def chunk_slices(count: int, size: int, start: int = 0) -> Iterator[slice]:
    """Consecutive slices of at most `size` elements that cover `count` elements from `start`."""
    for first in range(start, start + count, size):
        yield slice(first, min(first + size, start + count))


def pair_cosines(queries: UnitRows, candidates: UnitRows, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Rounded float64 cosines (pairs,) of row `left[i]` of the queries and `right[i]` of the candidates."""
    cosines = np.empty(len(left))
    for chunk in chunk_slices(len(left), CHUNK_ROWS):
        cosines[chunk] = np.einsum("nd,nd->n", queries.take(left[chunk]), candidates.take(right[chunk]))
    return np.round(cosines, SCORE_DECIMALS)
