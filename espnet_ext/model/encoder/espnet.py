"""Encoders of ESPnet's SSL task: XEUS (Chen et al., 2024, arXiv 2407.00837) and HuBERT-style models."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from espnet_ext.model.encoder.abs_encoder import AbsSpeechEncoder
from espnet_ext.model.encoder.padding import norm_over_time, normalize_waveform, real_positions, zero_padding
from espnet_ext.utils.errors import UserError

MODEL_TYPE = "espnet"
# Parts of the SSL model that compute frames. The others belong to its training.
PARTS = ("frontend", "preencoder", "encoder")
CONFIG_KEYS = tuple(key for part in (*PARTS, "normalize") for key in (part, f"{part}_conf"))
# Option -> values for which padding has no effect, and whose code and weights come with ESPnet.
SUPPORTED = {
    "frontend": ("wav2vec_cnn",),
    "normalize": (None, "utterance_mvn"),
    "preencoder": (None, "linear"),
    "encoder": ("e_branchformer", "transformer"),
}
SUPPORTED_ENCODER_CONF = {
    "input_layer": (None, "linear", "wav2vec"),
    "rel_pos_type": ("latest",),
    "positionwise_layer_type": ("linear",),
    "attention_layer_type": ("selfattn", "rel_selfattn"),
}
# No random layers, and torch's fused attention. Checkpointing is an option of this package.
ENCODER_CONF = {"layer_drop_rate": 0.0, "use_flash_attn": False, "use_sdpa": True}
LAYER_NORM_FLOOR = 1e-5


def describe_encoder(training_config: Mapping[str, Any]) -> dict[str, Any]:
    """Content of config.json for the encoder of an ESPnet model with this content of config.yaml."""
    return {"model_type": MODEL_TYPE} | {key: training_config.get(key) for key in CONFIG_KEYS}


def select_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the encoder out of an ESPnet checkpoint, under ESPnet 202611's names.

    The fork that trained XEUS has another name for the convolution of the position embedding. The norm after the last
    layer is left out: the hidden states that ESPnet returns do not include it.
    """
    selected = {name: weight for name, weight in weights.items() if name.startswith(tuple(f"{p}." for p in PARTS))}
    return {
        name.replace("encoder.embed.0.conv.", "encoder.embed.0.convs.0."): weight
        for name, weight in selected.items()
        if not name.startswith("encoder.after_norm.")
    }


class EspnetSpeechEncoder(AbsSpeechEncoder):
    """All hidden states of an ESPnet encoder: the input of the first layer and the output of every layer.

    ESPnet's classes compute them, so ESPnet must be installed. The frames of an utterance do not depend on the rest of
    the batch: operations over frames or samples are masked here, also where ESPnet does not mask them.

    Args:
        config: see `describe_encoder`.
        frame_average: see `AbsSpeechEncoder`.

    Raises:
        UserError: ESPnet is not installed or cannot build the encoder, or padding would affect its frames.
    """

    checkpoint_prefixes = ()
    lora_targets = ("linear_q", "linear_v")

    def __init__(self, config: dict, frame_average: int = 1) -> None:
        super().__init__(frame_average)
        _check_config(config)
        task = _import_task()
        try:
            self.encoder = _build(task, config)
            self.normalize = task.UtteranceMVN(**config.get("normalize_conf") or {}) if config["normalize"] else None
        except Exception as error:  # whatever ESPnet's many classes raise
            raise UserError(f"encoder config: ESPnet cannot build it: {' '.join(str(error).split())}") from error
        frontend = self.encoder["frontend"]
        # ESPnet's normalization includes padding and batch mates.
        self.normalize_audio, frontend.normalize_audio = frontend.normalize_audio, False
        self.hop_samples, self.min_samples = 1, 1
        for layer in reversed(frontend.layers):
            self.hop_samples *= layer.stride
            self.min_samples = (self.min_samples - 1) * layer.stride + layer.kernel_size
        encoder = self.encoder["encoder"]
        encoder.after_norm = nn.Identity()
        self.layers = list(encoder.encoders)
        self.num_layers = len(self.layers) + 1
        self.dim = encoder.output_size()
        is_sequence = isinstance(encoder.embed, nn.Sequential)
        self.input_modules = list(encoder.embed) if is_sequence else [encoder.embed] if encoder.embed else []
        self.has_relative_positions = is_sequence and isinstance(encoder.embed[-1](torch.zeros(1, 1, self.dim)), tuple)
        self.checkpointing = False

    def enable_checkpointing(self) -> None:
        """See `AbsSpeechEncoder.enable_checkpointing`."""
        self.checkpointing = True

    def front_end(self, speech: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        """See `AbsSpeechEncoder.front_end`."""
        frontend = self.encoder["frontend"]
        if self.normalize_audio:
            speech = normalize_waveform(speech, num_samples, LAYER_NORM_FLOOR)
        hidden, count = zero_padding(speech, num_samples)[:, None], num_samples
        for layer in frontend.layers:
            count = (count - layer.kernel_size) // layer.stride + 1
            if isinstance(layer.layer_norm, nn.GroupNorm):
                hidden = nn.functional.gelu(norm_over_time(layer.conv(hidden), count, layer.layer_norm))
            else:
                hidden, _ = layer(hidden, None)
        hidden = frontend.final_norm(hidden.transpose(1, 2))
        if self.normalize is not None:
            hidden, _ = self.normalize(hidden, count)
        if "preencoder" in self.encoder:
            hidden, _ = self.encoder["preencoder"](hidden, count)
        frame_mask = real_positions(count, hidden.shape[1])
        for module in self.input_modules:
            hidden = module(hidden.masked_fill(~frame_mask[..., None], 0.0))
        return hidden[0] if self.has_relative_positions else hidden, frame_mask

    def run_blocks(self, hidden: Tensor, frame_mask: Tensor, first_block: int) -> list[Tensor]:
        """See `AbsSpeechEncoder.run_blocks`."""
        outputs = []
        positions = self.input_modules[-1](hidden)[1:] if self.has_relative_positions else ()
        for layer in self.layers[first_block - 1 :]:
            inputs = (hidden, *positions) if positions else hidden
            if self.checkpointing and torch.is_grad_enabled():
                output, _ = checkpoint(layer, inputs, frame_mask[:, None], use_reentrant=False)
            else:
                output, _ = layer(inputs, frame_mask[:, None])
            hidden = output[0] if positions else output
            outputs.append(hidden)
        return outputs

    def blocks(self) -> list[nn.Module]:
        """The parts before the first layer of the encoder, then its layers."""
        before = [module for part, module in self.encoder.items() if part != "encoder"]
        return [nn.ModuleList([*before, *self.input_modules]), *self.layers]


def _check_config(config: Mapping[str, Any]) -> None:
    encoder_conf = config.get("encoder_conf") or {}
    for options, legal in ((config, SUPPORTED), (encoder_conf, SUPPORTED_ENCODER_CONF)):
        for option, values in legal.items():
            if option in options and options[option] not in values:
                names = ", ".join(map(str, values))
                raise UserError(f"encoder config: {option} {options[option]!r} is not supported; legal: {names}")
    rate = (config.get("frontend_conf") or {}).get("fs", AbsSpeechEncoder.sampling_rate)
    if str(rate).lower() not in (str(AbsSpeechEncoder.sampling_rate), "16k"):
        raise UserError(f"encoder config: fs {rate} is not supported; legal: {AbsSpeechEncoder.sampling_rate}")


def _import_task() -> ModuleType:
    try:
        from espnet2.tasks import ssl
    except ImportError as error:
        raise UserError(
            f"this encoder is an ESPnet model, which needs ESPnet ({error}): pip install 'espnet_ext[train]'"
        ) from error
    return ssl


def _build(task: ModuleType, config: Mapping[str, Any]) -> nn.ModuleDict:
    """Parts with weights, each with the output size of the one before as its input size."""
    parts = nn.ModuleDict()
    size: dict[str, int] = {}
    for part in PARTS:
        if config[part]:
            conf = config.get(f"{part}_conf") or {}
            if part == "encoder":
                conf = {key: value for key, value in conf.items() if key != "gradient_checkpoint_layers"} | ENCODER_CONF
            parts[part] = getattr(task, f"{part}_choices").get_class(config[part])(**size | conf)
            size = {"input_size": parts[part].output_size()}
    return parts
