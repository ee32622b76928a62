"""Whitened hidden states: coordinates in which heads converge in fewer steps."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from espnet_ext.model.head.attribute_head import AttributeHead

# Share of the mean variance that is added to the variance along every axis: noise axes are not blown up.
SHRINKAGE = 0.05
# Smaller variances are rounding errors of identical frames.
MIN_VARIANCE = 1e-6


class LayerWhitening(nn.Module):
    """Bring the normalized frames of every layer to zero mean and unit covariance (ZCA) over the training set.

    A few directions contain most of the variance of a pretrained encoder's frames, so Adam learns slowly along the
    others. Whitening is linear, hence only a parametrization of training: `fold` and `unfold` convert heads between
    whitened frames and the encoder's own, and a saved model has no trace of it.

    Args:
        num_layers: number of frame sequences the encoder returns.
        dim: size of their frames.
    """

    def __init__(self, num_layers: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.eye(dim).repeat(num_layers, 1, 1))
        self.register_buffer("shift", torch.zeros(num_layers, dim))

    def fit(self, frames: Tensor) -> None:
        """Compute matrix and shift from frames (frames, num_layers, dim) of the training set, before normalization."""
        frames = nn.functional.layer_norm(frames, frames.shape[-1:])
        for index, layer in enumerate(frames.double().unbind(dim=1)):
            mean = layer.mean(dim=0)
            covariance = (layer - mean).T @ (layer - mean) / len(layer)
            variances, axes = torch.linalg.eigh(covariance)
            scales = (variances.clamp(min=0) + SHRINKAGE * variances.mean().clamp(min=MIN_VARIANCE)).rsqrt()
            matrix = (axes * scales) @ axes.T
            self.matrix[index], self.shift[index] = matrix, -mean @ matrix

    def forward(self, layers: Sequence[Tensor]) -> list[Tensor]:
        """Whiten `num_layers` tensors (batch, frames, dim)."""
        return [
            nn.functional.linear(nn.functional.layer_norm(layer, layer.shape[-1:]), matrix, shift)
            for layer, matrix, shift in zip(layers, self.matrix, self.shift, strict=True)
        ]

    def fold(self, heads: Iterable[AttributeHead]) -> None:
        """Convert heads that read whitened frames to heads that read the encoder's frames."""
        for head in heads:
            mix, matrix, shift = self._of(head)
            weight = mix.weight.double()
            self._set(mix, weight @ matrix, mix.bias.double() + torch.einsum("lod,ld->lo", weight, shift))

    def unfold(self, heads: Iterable[AttributeHead]) -> None:
        """Convert heads that read the encoder's frames to heads that read whitened frames."""
        for head in heads:
            mix, matrix, shift = self._of(head)
            weight = mix.weight.double() @ torch.linalg.inv(matrix)
            self._set(mix, weight, mix.bias.double() - torch.einsum("lod,ld->lo", weight, shift))

    def _of(self, head: AttributeHead) -> tuple[nn.Module, Tensor, Tensor]:
        """Layer mix of a head, and the matrices and shifts (float64) of the layers that it reads."""
        return head.layer_mix, self.matrix[head.first_layer :].double(), self.shift[head.first_layer :].double()

    @staticmethod
    @torch.no_grad()
    def _set(mix: nn.Module, weight: Tensor, bias: Tensor) -> None:
        mix.weight.copy_(weight)
        mix.bias.copy_(bias)
