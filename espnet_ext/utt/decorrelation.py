"""A penalty on what two heads' embeddings have in common."""

from collections.abc import Mapping
from itertools import combinations

import torch
from torch import Tensor

# The unbiased estimate divides by (utterances - 3).
MIN_UTTERANCES = 4
SMALLEST = 1e-8


def decorrelation(embeddings: Mapping[str, Tensor]) -> Tensor:
    """Mean over the pairs of heads of the linear CKA of their embeddings (Kornblith et al., 2019, arXiv 1905.00414).

    It is the squared cross-covariance of two heads, relative to their own covariances: 0 where no linear map of the
    one says anything of the other, 1 where they are equal but for a rotation. Products are estimated without bias
    (Song et al., 2012), for in a batch of 30 utterances the plain estimate of independent embeddings is near 1; the
    estimate may be below 0, its mean over batches is not.

    Args:
        embeddings: attribute -> (batch, dim) of the same utterances; of this process, where several share the batch.

    Returns:
        Scalar with a graph; 0 of fewer than four utterances or two heads.
    """
    vectors = list(embeddings.values())
    if len(vectors) < 2 or len(vectors[0]) < MIN_UTTERANCES:
        return 0.0 * sum(vector.sum() for vector in vectors)
    kernels = [_without_diagonal(vector @ vector.T) for vector in vectors]
    norms = [_product(kernel, kernel).clamp(min=SMALLEST).sqrt() for kernel in kernels]
    pairs = combinations(range(len(kernels)), 2)
    return torch.stack([_product(kernels[a], kernels[b]) / (norms[a] * norms[b]) for a, b in pairs]).mean()


def _without_diagonal(kernel: Tensor) -> Tensor:
    return kernel - torch.diag(kernel.diagonal())


def _product(one: Tensor, other: Tensor) -> Tensor:
    """Unbiased Hilbert-Schmidt product of two (batch, batch) kernels without diagonal (Song et al., 2012, eq. 5)."""
    count = len(one)
    rows, columns = one.sum(dim=1), other.sum(dim=1)
    whole = (one * other).sum() + rows.sum() * columns.sum() / ((count - 1) * (count - 2))
    return (whole - 2 * (rows @ columns) / (count - 2)) / (count * (count - 3))
