"""The Whisper encoder (Radford et al., 2022, arXiv 2212.04356) without its fixed 30-second window."""

import torch
from torch import Tensor, nn
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from espnet_ext.model.encoder.abs_encoder import AbsSpeechEncoder
from espnet_ext.model.encoder.log_mel import FFT_SAMPLES, HOP_SAMPLES, WhisperLogMel

CONV_STRIDE = 2


class WhisperSpeechEncoder(AbsSpeechEncoder):
    """All hidden states of Whisper's encoder for utterances of their own length.

    The stock forward requires inputs padded to 30 s; here the position embeddings are cut to the batch,
    padded frames are zeroed before each convolution and masked in attention.

    Args:
        config: content of the Hugging Face config.json of a Whisper model.
        frame_average: see `AbsSpeechEncoder`.
    """

    hop_samples = HOP_SAMPLES * CONV_STRIDE
    min_samples = FFT_SAMPLES
    checkpoint_prefixes = ("model.encoder.", "encoder.")
    lora_targets = ("q_proj", "v_proj")

    def __init__(self, config: dict, frame_average: int = 1) -> None:
        super().__init__(frame_average)
        whisper_config = WhisperConfig(**config)
        whisper_config._attn_implementation = "sdpa"
        self.log_mel = WhisperLogMel(whisper_config.num_mel_bins)
        self.encoder = WhisperEncoder(whisper_config)
        self.num_layers = whisper_config.encoder_layers + 1
        self.dim = whisper_config.d_model
        self.max_samples = whisper_config.max_source_positions * self.hop_samples

    def front_end(self, speech: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        """See `AbsSpeechEncoder.front_end`."""
        features, num_features = self.log_mel(speech, num_samples)
        encoder = self.encoder
        hidden = nn.functional.gelu(encoder.conv1(features))
        real = torch.arange(hidden.shape[-1], device=hidden.device) < num_features[:, None]
        hidden = nn.functional.gelu(encoder.conv2(hidden * real[:, None, :]))
        hidden = hidden.transpose(1, 2)
        num_frames = (num_features + CONV_STRIDE - 1) // CONV_STRIDE
        frame_mask = torch.arange(hidden.shape[1], device=hidden.device) < num_frames[:, None]
        hidden = hidden + encoder.embed_positions.weight[: hidden.shape[1]]
        # A frozen front end is in inference mode, whatever the mode of the rest.
        return nn.functional.dropout(hidden, encoder.dropout, encoder.conv1.training), frame_mask

    def run_blocks(self, hidden: Tensor, frame_mask: Tensor, first_block: int) -> list[Tensor]:
        """See `AbsSpeechEncoder.run_blocks`."""
        outputs = []
        attention_mask = frame_mask[:, None, None, :].expand(-1, 1, hidden.shape[1], -1)
        for layer in self.encoder.layers[first_block - 1 :]:
            hidden = layer(hidden, attention_mask)
            outputs.append(hidden)
        outputs[-1] = self.encoder.layer_norm(outputs[-1])
        return outputs

    def blocks(self) -> list[nn.Module]:
        """Front end (both convolutions and positions), then the Transformer layers, the last with the final norm."""
        encoder = self.encoder
        front_end = nn.ModuleList([encoder.conv1, encoder.conv2, encoder.embed_positions])
        layers = list(encoder.layers)
        return [front_end, *layers[:-1], nn.ModuleList([layers[-1], encoder.layer_norm])]
