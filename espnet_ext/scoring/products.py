"""Float32 products of unit rows, and what is asked of them: who reaches a threshold, who is nearest.

They are the bulk of the arithmetic, 2 * queries * candidates * dim operations (2e13 for 100,000 x 100,000
at 1,024 dimensions), at two to three times the rate of float64 and half its bytes. They are only a sieve:
what lies within `error_bound` of a decision is decided in float64 by `search`. A score is multiplied,
compared and forgotten; all of them would be 40 GB.
"""

from importlib.util import find_spec
from typing import NamedTuple, Protocol

import numpy as np

# Where more of a block than this is close to its threshold, a float64 block is cheaper than its pairs.
DENSE_SHARE = 1 / 64


class Reach(NamedTuple):
    """Candidates of each query surely above its upper threshold (queries,); places between the two."""

    surely: np.ndarray
    rows: np.ndarray
    columns: np.ndarray


class Products(Protocol):
    """A device and library that multiplies float32 rows."""

    block_cells: int
    """Cells of a block of scores that this device takes at once."""

    def reaching(self, queries: np.ndarray, candidates: np.ndarray, low: np.ndarray, high: np.ndarray) -> Reach | None:
        """Compare the products of (q, dim) and (c, dim) with thresholds (q,); None: too many in between."""

    def nearest(self, queries: np.ndarray, candidates: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
        """The `width` largest products of each query, in any order, and their columns: (q, width) each."""


def error_bound(dim: int) -> float:
    """What a float32 product of two unit rows can differ from their rounded float64 cosine at most.

    `dim` roundings in whatever order of summation (Higham, Accuracy and Stability of Numerical
    Algorithms, section 3.1), those of the inputs and of the threshold, and the ninth decimal.
    """
    return 1.01 * (dim + 8) * 2.0**-24 + 1e-9


class NumpyProducts:
    """The processor, through the BLAS of numpy."""

    block_cells = 4_000_000

    def reaching(self, queries: np.ndarray, candidates: np.ndarray, low: np.ndarray, high: np.ndarray) -> Reach | None:
        """See `Products`."""
        products = queries @ candidates.T
        above = products > high[:, None].astype(np.float32)
        between = products >= low[:, None].astype(np.float32)
        between &= ~above
        if np.count_nonzero(between) > DENSE_SHARE * between.size:
            return None
        return Reach(np.count_nonzero(above, axis=1), *np.nonzero(between))

    def nearest(self, queries: np.ndarray, candidates: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Products`."""
        products = queries @ candidates.T
        columns = np.argpartition(products, -width, axis=1)[:, -width:]
        return np.take_along_axis(products, columns, axis=1), columns


class FaissProducts(NumpyProducts):
    """FAISS selects while it multiplies; it counts nothing, so that thresholds stay with numpy."""

    def nearest(self, queries: np.ndarray, candidates: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Products`."""
        import faiss

        return faiss.knn(queries, candidates, width, metric=faiss.METRIC_INNER_PRODUCT)


def choose_products(device: str = "cpu") -> Products:
    """The products of a device: torch on a GPU (`cuda`), else FAISS where it is installed, else numpy."""
    if device != "cpu":
        from espnet_ext.scoring.torch_products import TorchProducts

        return TorchProducts(device)
    return FaissProducts() if find_spec("faiss") else NumpyProducts()
