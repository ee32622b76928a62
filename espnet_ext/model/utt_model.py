"""The model in plain torch: a shared encoder, and a head and objectives for each attribute."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from espnet_ext.config.attributes import AttributeConfig
from espnet_ext.model.attribute_loss import AttributeLoss
from espnet_ext.model.encoder import AbsSpeechEncoder
from espnet_ext.model.head.attribute_head import AttributeHead
from espnet_ext.model.head.pooling import MeanPooling
from espnet_ext.utils.errors import UserError

AUTOCAST_DTYPES = {"float32": None, "bfloat16": torch.bfloat16}


class UttModel(nn.Module):
    """Utterance-level embeddings of several attributes from one pass through one encoder.

    Inference uses this class as it is; training uses its subclass `ESPnetUttModel`, which computes losses.

    Args:
        encoder: the shared speech encoder.
        attributes: the declared attributes, by name.
        autocast: dtype of the matrix products, `float32` or `bfloat16`; parameters stay float32.

    Attributes:
        objectives: attribute -> its objectives, which contain the label classifiers.

    Raises:
        UserError: an unknown `autocast`.
    """

    def __init__(
        self, encoder: AbsSpeechEncoder, attributes: Mapping[str, AttributeConfig], autocast: str = "float32"
    ) -> None:
        super().__init__()
        if autocast not in AUTOCAST_DTYPES:
            raise UserError(f"model_conf: autocast {autocast!r} is unknown; legal: {', '.join(AUTOCAST_DTYPES)}")
        self.autocast_dtype = AUTOCAST_DTYPES[autocast]
        self.encoder = encoder
        self.heads = nn.ModuleDict(
            {name: AttributeHead(config.head, encoder.num_layers, encoder.dim) for name, config in attributes.items()}
        )
        self.objectives = nn.ModuleDict({name: AttributeLoss(config) for name, config in attributes.items()})

    @contextmanager
    def autocast(self) -> Iterator[None]:
        """Compute matrix products in the configured dtype."""
        device = next(self.parameters()).device.type
        with torch.autocast(device, dtype=self.autocast_dtype, enabled=self.autocast_dtype is not None):
            yield

    def embed(self, speech: Tensor, num_samples: Tensor) -> dict[str, Tensor]:
        """Compute all attributes' embeddings of a batch of waveforms, in one pass.

        Args:
            speech: (batch, samples) float in [-1, 1].
            num_samples: (batch,) real samples.

        Returns:
            attribute -> (batch, dim) float32 of unit length.
        """
        with self.autocast():
            return self.run_heads(*self.encoder(speech, num_samples))

    def run_heads(self, layers: Sequence[Tensor], frame_mask: Tensor) -> dict[str, Tensor]:
        """Compute the embeddings of all attributes from the encoder's layers; see `AttributeHead.forward`."""
        return {name: head(layers, frame_mask) for name, head in self.heads.items()}

    def predict(self, embeddings: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Predict labels with the classifiers of the labeled attributes.

        Args:
            embeddings: attribute -> (batch, dim) of unit length.

        Returns:
            attribute -> (batch, classes) logits in the order of its classes, or (batch, 1) numbers in their own unit;
            attributes of teachers, or without a classifier, are not included.
        """
        classifiers = {name: self.objectives[name].classifier for name in embeddings}
        return {name: term.predict(embeddings[name]) for name, term in classifiers.items() if term is not None}

    def layer_weights(self) -> dict[str, list[float]]:
        """Attribute -> learned weight of each encoder layer."""
        return {name: head.layer_weights().tolist() for name, head in self.heads.items()}

    def inference_modules(self) -> nn.ModuleDict:
        """Modules that a model file contains, under the names that they have there."""
        return nn.ModuleDict({name: getattr(self, name) for name in ("encoder", "heads", "objectives")})


class UntrainedModel(nn.Module):
    """Baseline without training: the mean over frames and layers as the embedding of every attribute.

    Every layer is normalized first, so that all have the same scale.

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
        """Compute the embedding; see `UttModel.embed`."""
        layers, frame_mask = self.encoder(speech, num_samples)
        mixed = torch.stack([nn.functional.layer_norm(layer, layer.shape[-1:]) for layer in layers]).mean(dim=0)
        embedding = nn.functional.normalize(self.pooling(mixed, frame_mask), dim=-1)
        return dict.fromkeys(self.attributes, embedding)
