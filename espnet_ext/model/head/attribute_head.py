"""One attribute's branch: layer mix, pooling over time, projection, unit length."""

from collections.abc import Sequence

from torch import Tensor, nn

from espnet_ext.config.attributes import HeadConfig
from espnet_ext.config.validation import check_arguments
from espnet_ext.model.head.layer_mix import LayerMix
from espnet_ext.model.head.pooling import POOLINGS
from espnet_ext.utils.errors import UserError


class AttributeHead(nn.Module):
    """Read all layers of the encoder and return one unit vector per utterance.

    The projection exists only where the pooled size differs from the embedding's, as for the paper's speaker
    branch (1024 to 192).

    Args:
        config: the head's declaration in the attributes file.
        num_layers: number of frame sequences the encoder returns.
        input_dim: size of the encoder's frames.
    """

    def __init__(self, config: HeadConfig, num_layers: int, input_dim: int) -> None:
        super().__init__()
        if config.pooling not in POOLINGS:
            raise UserError(f"head: pooling {config.pooling!r} is unknown; legal: {', '.join(sorted(POOLINGS))}")
        if config.first_layer >= num_layers:
            raise UserError(f"head: first_layer must be 0 to {num_layers - 1}, found {config.first_layer}")
        self.first_layer = config.first_layer
        self.layer_mix = LayerMix(
            num_layers - config.first_layer,
            input_dim,
            config.hidden_dim,
            config.normalize_layers,
            config.identity_init,
        )
        self.dropout = nn.Dropout(config.dropout)
        pooling = POOLINGS[config.pooling]
        check_arguments(pooling, config.pooling_options, f"head: pooling {config.pooling}", skip=("dim",))
        self.pooling = pooling(config.hidden_dim, **config.pooling_options)
        same = self.pooling.output_dim == config.dim
        self.projection = nn.Identity() if same else nn.Linear(self.pooling.output_dim, config.dim)

    def layer_weights(self) -> Tensor:
        """(num_layers,) learned share of every encoder layer; 0 of those the mix does not read."""
        return nn.functional.pad(self.layer_mix.layer_weights(), (self.first_layer, 0))

    def forward(self, layers: Sequence[Tensor], frame_mask: Tensor, normalized: bool = False) -> Tensor:
        """Embed a batch.

        Args:
            layers: `num_layers` tensors (batch, frames, input_dim).
            frame_mask: (batch, frames) bool, True on real frames.
            normalized: the layers are already normalized, see `LayerMix`.

        Returns:
            (batch, dim) float32 of unit length.
        """
        mixed = self.layer_mix(layers[self.first_layer :], normalized)
        pooled = self.pooling(self.dropout(mixed), frame_mask)
        # float32: in bf16 the length of a unit vector is off by up to 0.4 %.
        return nn.functional.normalize(self.projection(pooled).float(), dim=-1)
