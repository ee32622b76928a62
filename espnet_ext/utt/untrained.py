"""The untrained encoder as a system: what there is to hear before any post-training."""

import torch
from torch import Tensor, nn

from espnet_ext.utt.encoder import AbsSpeechEncoder
from espnet_ext.utt.head.pooling import MeanPooling


class UntrainedModel(nn.Module):
    """The mean over frames and layers, every layer at the same scale, as the embedding of every attribute.

    Args:
        encoder: the pretrained encoder.
        attributes: names under which the embedding is returned.
    """

    def __init__(self, encoder: AbsSpeechEncoder, attributes: list[str]) -> None:
        super().__init__()
        self.encoder = encoder
        self.attributes = attributes
        self.pooling = MeanPooling(encoder.dim)

    def embed(self, speech: Tensor, num_samples: Tensor) -> dict[str, Tensor]:
        """As `ESPnetUttModel.embed`: (batch, samples), (batch,) -> attribute -> (batch, dim) of unit length."""
        layers, frame_mask = self.encoder(speech, num_samples)
        mixed = torch.stack([nn.functional.layer_norm(layer, layer.shape[-1:]) for layer in layers]).mean(dim=0)
        embedding = nn.functional.normalize(self.pooling(mixed, frame_mask), dim=-1)
        return dict.fromkeys(self.attributes, embedding)
