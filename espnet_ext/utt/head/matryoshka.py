"""Embeddings that can be cut to smaller sizes."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from espnet_ext.errors import UserError


class Matryoshka(nn.Module):
    """Sizes that an embedding can be cut to (Kusupati et al., 2022, arXiv 2205.13147), and the axes of the cut.

    An embedding with labels is cut to its first entries. One that is distilled stays in its teacher's space, whose
    entries are in no order, so it is turned to the main axes of the training targets first: what a teacher's vector
    is cut to is then its best approximation of that size, and a student that equals the teacher equals it when cut.

    Args:
        sizes: rising, from 1 to below `dim`.
        dim: of the whole embedding.
    """

    def __init__(self, sizes: Sequence[int], dim: int) -> None:
        super().__init__()
        if list(sizes) != sorted(set(sizes)) or not 1 <= sizes[0] <= sizes[-1] < dim:
            raise UserError(f"head: matryoshka must list rising sizes from 1 to {dim - 1}, below dim; found {sizes}")
        self.sizes = tuple(sizes)
        self.register_buffer("axes", torch.eye(sizes[-1], dim))

    def forward(self, vectors: Tensor, size: int) -> Tensor:
        """Cut (batch, dim) vectors, of students or of their teacher, to (batch, size) of unit length."""
        return nn.functional.normalize(vectors @ self.axes[:size].T, dim=-1)


def main_axes(targets: Tensor, count: int) -> Tensor:
    """The axes that keep most of the targets' inner products.

    Args:
        targets: (targets, dim).
        count: axes, at most `dim`.

    Returns:
        (count, dim) float32, orthonormal, the most important one first; the largest entry of each is positive.
    """
    targets = targets.double()
    axes = torch.linalg.eigh(targets.T @ targets).eigenvectors.flip(dims=[1])[:, :count].T
    largest = axes.gather(1, axes.abs().argmax(dim=1, keepdim=True))
    return (axes * largest.sign()).float()
