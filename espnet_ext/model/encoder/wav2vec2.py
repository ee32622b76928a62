"""Encoders of raw waveforms: wav2vec 2.0 and XLS-R, HuBERT, WavLM."""

from math import prod

from torch import Tensor, nn
from transformers import (
    HubertConfig,
    HubertModel,
    PreTrainedConfig,
    PreTrainedModel,
    Wav2Vec2Config,
    Wav2Vec2Model,
    WavLMConfig,
    WavLMModel,
)

from espnet_ext.model.encoder.abs_encoder import DETERMINISTIC, AbsSpeechEncoder
from espnet_ext.model.encoder.attention import GatedRelativeAttention
from espnet_ext.model.encoder.padding import norm_over_time, normalize_waveform, real_positions, zero_padding


class Wav2Vec2SpeechEncoder(AbsSpeechEncoder):
    """All hidden states of wav2vec 2.0 (Baevski et al., 2020, arXiv 2006.11477): the Transformer's input, every layer.

    Where the architecture ends with a norm, the last sequence is behind it: `last_hidden_state`.

    Args:
        config: content of the Hugging Face config.json; `preprocessor` in it, content of preprocessor_config.json,
            may set `do_normalize`. Else waveforms are normalized for feature encoders with layer norm, not for
            those with group norm, as they were pretrained.
        frame_average: see `AbsSpeechEncoder`.
    """

    config_class: type[PreTrainedConfig] = Wav2Vec2Config
    model_class: type[PreTrainedModel] = Wav2Vec2Model
    checkpoint_prefixes = ("wav2vec2.",)
    lora_targets = ("q_proj", "v_proj")

    def __init__(self, config: dict, frame_average: int = 1) -> None:
        super().__init__(frame_average)
        model_config = self.config_class(**config | DETERMINISTIC)
        normalized = model_config.feat_extract_norm == "layer"
        self.do_normalize = config.get("preprocessor", {}).get("do_normalize", normalized)
        self.stable_norm = model_config.do_stable_layer_norm
        self.encoder = self.model_class(model_config)
        self.hop_samples = prod(model_config.conv_stride)
        self.min_samples = 1
        for kernel, stride in zip(model_config.conv_kernel[::-1], model_config.conv_stride[::-1], strict=True):
            self.min_samples = (self.min_samples - 1) * stride + kernel
        self.num_layers = model_config.num_hidden_layers + 1
        self.dim = model_config.hidden_size

    def front_end(self, speech: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        """See `AbsSpeechEncoder.front_end`."""
        prepare = normalize_waveform if self.do_normalize else zero_padding
        features, num_frames = self._convolve(prepare(speech, num_samples), num_samples)
        frame_mask = real_positions(num_frames, features.shape[2])
        hidden = self._project(features.transpose(1, 2)).masked_fill(~frame_mask[..., None], 0.0)
        transformer = self.encoder.encoder
        hidden = hidden + self._positions(hidden, frame_mask)
        if not self.stable_norm:
            hidden = transformer.layer_norm(hidden)
        return transformer.dropout(hidden), frame_mask

    def run_blocks(self, hidden: Tensor, frame_mask: Tensor, first_block: int) -> list[Tensor]:
        """See `AbsSpeechEncoder.run_blocks`."""
        outputs = self._transform(hidden, frame_mask, first_block)
        if self.stable_norm:
            outputs[-1] = self.encoder.encoder.layer_norm(outputs[-1])
        return outputs

    def blocks(self) -> list[nn.Module]:
        """All below the first Transformer layer, then the layers, the last with the final norm if there is one."""
        model, transformer = self.encoder, self.encoder.encoder
        front_end = [
            model.feature_extractor,
            model.feature_projection,
            transformer.pos_conv_embed,
            transformer.dropout,
        ]
        *layers, last = transformer.layers
        if self.stable_norm:
            last = nn.ModuleList([last, transformer.layer_norm])
        else:
            front_end.append(transformer.layer_norm)
        return [nn.ModuleList(front_end), *layers, last]

    def _convolve(self, speech: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, samples) to (batch, channels, frames) and real frames; convolutions without padding leak nothing."""
        hidden, count = speech[:, None], num_samples
        for layer in self.encoder.feature_extractor.conv_layers:
            count = (count - layer.conv.kernel_size[0]) // layer.conv.stride[0] + 1
            norm = getattr(layer, "layer_norm", None)
            if isinstance(norm, nn.GroupNorm):
                hidden = layer.activation(norm_over_time(layer.conv(hidden), count, norm))
            else:
                hidden = layer(hidden)
        return hidden, count

    def _project(self, features: Tensor) -> Tensor:
        hidden, _ = self.encoder.feature_projection(features)
        return hidden

    def _positions(self, hidden: Tensor, frame_mask: Tensor) -> Tensor:
        """Positions as a convolution sees them in `hidden`, which is zero on padding."""
        return self.encoder.encoder.pos_conv_embed(hidden)

    def _transform(self, hidden: Tensor, frame_mask: Tensor, first_block: int) -> list[Tensor]:
        """`run_blocks` without the norm behind the last block."""
        outputs = []
        attention_mask = frame_mask[:, None, None, :].expand(-1, 1, hidden.shape[1], -1)
        for layer in self.encoder.encoder.layers[first_block - 1 :]:
            hidden = layer(hidden, attention_mask=attention_mask)
            outputs.append(hidden)
        return outputs


class HubertSpeechEncoder(Wav2Vec2SpeechEncoder):
    """HuBERT (Hsu et al., 2021, arXiv 2106.07447)."""

    config_class = HubertConfig
    model_class = HubertModel
    checkpoint_prefixes = ("hubert.",)

    def _project(self, features: Tensor) -> Tensor:
        return self.encoder.feature_projection(features)

    def _positions(self, hidden: Tensor, frame_mask: Tensor) -> Tensor:
        embed = self.encoder.encoder.pos_conv_embed
        if embed.batch_norm is None:
            return embed(hidden)
        # Only multilingual HuBERT has it. It moves the zeros of padding, and its running statistics are pretrained:
        # those of a batch would tie utterances to their batch mates.
        norm = embed.batch_norm
        hidden = nn.functional.batch_norm(
            hidden.transpose(1, 2), norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )
        hidden = embed.conv(hidden.masked_fill(~frame_mask[:, None], 0.0))
        return embed.activation(embed.padding(hidden)).transpose(1, 2)


class WavLMSpeechEncoder(Wav2Vec2SpeechEncoder):
    """WavLM (Chen et al., 2021, arXiv 2110.13900)."""

    config_class = WavLMConfig
    model_class = WavLMModel
    checkpoint_prefixes = ("wavlm.",)

    def __init__(self, config: dict, frame_average: int = 1) -> None:
        super().__init__(config, frame_average)
        for layer in self.encoder.encoder.layers:
            # The same parameters, another product of attention.
            layer.attention.__class__ = GatedRelativeAttention

    def _transform(self, hidden: Tensor, frame_mask: Tensor, first_block: int) -> list[Tensor]:
        """See `Wav2Vec2SpeechEncoder._transform`."""
        batch, frames = frame_mask.shape
        layers = self.encoder.encoder.layers
        # Only the first layer has the embedding of positions; all layers share its bias.
        position_bias = layers[0].attention.compute_bias(frames, frames).repeat(batch, 1, 1)
        outputs = []
        for layer in layers[first_block - 1 :]:
            hidden, _ = layer(hidden, attention_mask=frame_mask, position_bias=position_bias)
            outputs.append(hidden)
        return outputs
