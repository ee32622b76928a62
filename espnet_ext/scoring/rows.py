"""Unit rows that are made in float64 when they are asked for, from the float32 that is stored."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from espnet_ext.scoring.similarity import SCORE_DECIMALS, row_norms

# Rows converted at a time: 8 MB of float64 at 1,024 dimensions.
CHUNK_ROWS = 1024
# Below this length a centred vector is rounding noise: what is left of a collapsed model.
ZERO_NORM = 1e-6


@dataclass(frozen=True)
class Centring:
    """What is subtracted from each row: the mean of its group. groups, norms: (n,), lengths of what is left."""

    means: np.ndarray
    groups: np.ndarray
    norms: np.ndarray

    def view(self, index: np.ndarray) -> "Centring":
        return replace(self, groups=self.groups[index], norms=self.norms[index])


@dataclass(frozen=True)
class UnitRows:
    """Rows of length one with float64 values and float32 memory.

    stored: (n, dim) as read from disk; norms: (n,) float64; index: the rows of `stored` that these
    are, all of them by default. Every cosine is that of a float64 matrix of unit rows.
    """

    stored: np.ndarray
    norms: np.ndarray
    index: np.ndarray | None = None
    centring: Centring | None = None

    @classmethod
    def of(cls, vectors: np.ndarray, names: Sequence[str]) -> "UnitRows":
        """Check (n, dim) vectors; `names` and errors are those of `row_norms`."""
        return cls(vectors, row_norms(vectors, names))

    def __len__(self) -> int:
        return len(self.stored) if self.index is None else len(self.index)

    @property
    def dim(self) -> int:
        return self.stored.shape[1]

    def view(self, index: np.ndarray) -> "UnitRows":
        """Some of the rows, without a copy."""
        centring = self.centring and self.centring.view(index)
        return replace(self, index=index if self.index is None else self.index[index], centring=centring)

    def identities(self) -> np.ndarray:
        """A number for each row, (n,): equal where two rows are stored with the same bytes."""
        seen: dict[bytes, int] = {}
        at = range(len(self)) if self.index is None else self.index
        # A digest, not the bytes: 100,000 rows of 4 kB need not be held twice.
        digests = (hashlib.blake2b(self.stored[row].tobytes(), digest_size=16).digest() for row in at)
        return np.array([seen.setdefault(digest, len(seen)) for digest in digests])

    def take(self, rows: slice | np.ndarray) -> np.ndarray:
        """Some rows as (m, dim) float64."""
        at = rows if self.index is None else self.index[rows]
        taken = self.stored[at].astype(np.float64)
        taken /= self.norms[at, None]
        if self.centring is not None:
            taken -= self.centring.means[self.centring.groups[rows]]
            norms = self.centring.norms[rows, None]
            taken /= np.maximum(norms, ZERO_NORM)
            taken *= norms > ZERO_NORM
        return taken

    def centred(self, groups: np.ndarray) -> "UnitRows":
        """Subtract from each row the mean of its group (say, language), and rescale to length one.

        A row that is its group's mean has no direction left and becomes zeros: its cosines all tie.

        Args:
            groups: (n,) ids.
        """
        _, codes = np.unique(groups, return_inverse=True)
        sums = np.zeros((codes.max() + 1, self.dim))
        for chunk in chunk_slices(len(self), CHUNK_ROWS):
            np.add.at(sums, codes[chunk], self.take(chunk))
        means = sums / np.bincount(codes)[:, None]
        norms = np.empty(len(self))
        for chunk in chunk_slices(len(self), CHUNK_ROWS):
            norms[chunk] = np.linalg.norm(self.take(chunk) - means[codes[chunk]], axis=1)
        return replace(self, centring=Centring(means, codes, norms))


def chunk_slices(count: int, size: int, start: int = 0) -> Iterator[slice]:
    """Consecutive slices of at most `size` that cover `count` places from `start`."""
    for first in range(start, start + count, size):
        yield slice(first, min(first + size, start + count))


def pair_cosines(queries: UnitRows, candidates: UnitRows, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Rounded float64 cosines (pairs,) of row `left[i]` of the queries and `right[i]` of the candidates."""
    cosines = np.empty(len(left))
    for chunk in chunk_slices(len(left), CHUNK_ROWS):
        cosines[chunk] = np.einsum("nd,nd->n", queries.take(left[chunk]), candidates.take(right[chunk]))
    return np.round(cosines, SCORE_DECIMALS)
