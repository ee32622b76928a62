"""Base class of speech encoders: all layers, and a mask of the real frames."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from espnet_ext.model.encoder.padding import average_frames

# Options of Hugging Face configs: no random masks or layers in training, and no adapter after the last layer.
DETERMINISTIC = {
    "layerdrop": 0.0,
    "apply_spec_augment": False,
    "mask_time_prob": 0.0,
    "mask_feature_prob": 0.0,
    "add_adapter": False,
    "use_intermediate_ffn_before_adapter": False,
}


class AbsSpeechEncoder(nn.Module, ABC):
    """A pretrained encoder from waveforms to a stack of frame sequences.

    Attributes:
        sampling_rate: of the waveform, Hz.
        hop_samples: waveform samples between two frames of the architecture.
        min_samples: shortest waveform that has a frame.
        max_samples: longest waveform of one pass; the caller splits longer recordings into windows. One minute, a
            bound on memory, where the architecture has no limit.
        num_layers: number of sequences returned: the embedding output and every layer.
        dim: size of a frame vector.
        encoder: the pretrained model; its state dict has the names of the pretrained weights.
        num_frozen_blocks: number of first blocks that training does not change, see `freeze_blocks`.
        checkpoint_prefixes: possible prefixes of these names in checkpoints of models that contain the encoder.
        lora_targets: default names of the linear layers that LoRA adapts.

    Args:
        frame_average: neighboring frames that are averaged into one; heads then cost that much less.
    """

    sampling_rate: int = 16_000
    hop_samples: int
    min_samples: int
    max_samples: int = 60 * 16_000
    num_layers: int
    dim: int
    encoder: nn.Module
    checkpoint_prefixes: tuple[str, ...]
    lora_targets: tuple[str, ...]

    def __init__(self, frame_average: int = 1) -> None:
        super().__init__()
        self.frame_average = frame_average
        self.num_frozen_blocks = 0

    def train(self, mode: bool = True) -> "AbsSpeechEncoder":
        """Switch modes; frozen blocks stay in inference mode, in which their cached outputs are computed."""
        blocks = self.blocks()
        super().train(mode and self.num_frozen_blocks < len(blocks))
        for block in blocks[: self.num_frozen_blocks]:
            block.eval()
        return self

    def enable_checkpointing(self) -> None:
        """Compute the activations of the layers again in the backward pass instead of keeping them in memory."""
        self.encoder.activation_checkpointing_enable()

    @property
    def output_hop_samples(self) -> int:
        """Waveform samples between two frames that `forward` returns."""
        return self.hop_samples * self.frame_average

    def forward(self, speech: Tensor, num_samples: Tensor) -> tuple[list[Tensor], Tensor]:
        """Encode a batch of waveforms.

        Samples after an utterance's `num_samples` have no effect on its frames.

        Args:
            speech: (batch, samples) float in [-1, 1].
            num_samples: (batch,) int, real samples of each utterance, at least `min_samples`.

        Returns:
            `num_layers` tensors (batch, frames, dim), and the frame mask (batch, frames) bool, True on real frames.
        """
        layers, frame_mask = self.encode(speech, num_samples)
        return average_frames(layers, frame_mask, self.frame_average)

    def forward_from(self, hidden: Tensor, frame_mask: Tensor, first_block: int) -> tuple[list[Tensor], Tensor]:
        """Run the blocks above a cached hidden state.

        Args:
            hidden: (batch, frames, dim), output of block `first_block - 1` at the architecture's own frame rate.
            frame_mask: (batch, frames) bool, True on real frames.
            first_block: index in `blocks`, at least 1.

        Returns:
            `num_layers - first_block` tensors (batch, averaged frames, dim), and their mask.
        """
        return average_frames(self.run_blocks(hidden, frame_mask, first_block), frame_mask, self.frame_average)

    def encode(self, speech: Tensor, num_samples: Tensor) -> tuple[list[Tensor], Tensor]:
        """As `forward`, at the architecture's own frame rate."""
        hidden, frame_mask = self.front_end(speech, num_samples)
        return [hidden, *self.run_blocks(hidden, frame_mask, 1)], frame_mask

    @abstractmethod
    def front_end(self, speech: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        """Block 0: waveforms to the first layer's input (batch, frames, dim), and the frame mask (batch, frames)."""

    @abstractmethod
    def run_blocks(self, hidden: Tensor, frame_mask: Tensor, first_block: int) -> list[Tensor]:
        """Outputs (batch, frames, dim) of block `first_block` and of every block above it.

        Args:
            hidden: (batch, frames, dim), output of the block below.
            frame_mask: (batch, frames) bool, True on real frames.
            first_block: index in `blocks`, at least 1.
        """

    @abstractmethod
    def blocks(self) -> list[nn.Module]:
        """The encoder's modules from input to output, for freezing by layer range; index 0 is the front end."""
