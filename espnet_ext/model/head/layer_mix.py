"""The layer mix: one frame sequence from all layers of the encoder, learned for each attribute."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from espnet_ext.utils.errors import UserError


class LayerMix(nn.Module):
    """y = LayerNorm(sum_l softmax(lambda)_l (W_l h_l + b_l)), as in the paper's branches (arXiv 2603.08312).

    The scalar weight of a layer is folded into its projection before the product: autograd then keeps
    no projected sequence of any layer, so that memory does not grow with the number of layers.

    Args:
        num_layers: number of frame sequences the encoder returns.
        input_dim: size of the encoder's frames.
        dim: size of the mixed frames.
        normalize_layers: bring every layer's frames to zero mean and unit variance first (no parameters);
            for encoders whose layers differ in scale by orders of magnitude.
        identity_init: start as the mean of the layers, which needs `dim` = `input_dim`.
    """

    def __init__(
        self, num_layers: int, input_dim: int, dim: int, normalize_layers: bool, identity_init: bool = False
    ) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(num_layers))
        self.weight = nn.Parameter(torch.empty(num_layers, dim, input_dim))
        self.bias = nn.Parameter(torch.zeros(num_layers, dim))
        if identity_init:
            if dim != input_dim:
                raise UserError(f"head: identity_init needs hidden_dim {input_dim}, the encoder's, not {dim}")
            self.weight.data.copy_(torch.eye(dim))
        else:
            # nn.Linear's own initialization, for each layer.
            nn.init.uniform_(self.weight, -1 / math.sqrt(input_dim), 1 / math.sqrt(input_dim))
        self.norm = nn.LayerNorm(dim)
        self.normalize_layers = normalize_layers

    def layer_weights(self) -> Tensor:
        """(num_layers,) softmax of the learned scalars."""
        return self.logits.softmax(dim=0)

    def forward(self, layers: Sequence[Tensor], normalized: bool = False) -> Tensor:
        """Mix the layers.

        Args:
            layers: `num_layers` tensors (batch, frames, input_dim).
            normalized: `normalize_layers` was already applied.

        Returns:
            (batch, frames, dim).
        """
        weights = self.layer_weights()
        # Not a matrix product, which autocast would round to bf16.
        mixed = (weights[:, None] * self.bias).sum(dim=0)
        for layer, weight in zip(layers, weights[:, None, None] * self.weight, strict=True):
            if self.normalize_layers and not normalized:
                layer = nn.functional.layer_norm(layer, layer.shape[-1:])
            # The sum stays in float32 under autocast: bf16 would round at every layer.
            mixed = mixed + nn.functional.linear(layer, weight).to(mixed.dtype)
        return self.norm(mixed)
