"""Encoders of every architecture, small enough for unit tests, with random weights."""

from typing import Any

import numpy as np
import torch

from espnet_ext.model.encoder import AbsSpeechEncoder, build_encoder

TRANSFORMER = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 48}
RAW = {
    **TRANSFORMER,
    "conv_dim": [16] * 7,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 4,
    "hidden_dropout": 0.0,
}
BASE = {**RAW, "feat_extract_norm": "group", "do_stable_layer_norm": False}
LARGE = {**RAW, "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
WAVLM = {"num_buckets": 20, "max_bucket_distance": 40}

# The layout of XEUS: its options with smaller sizes.
XEUS = {
    "model_type": "espnet",
    "frontend": "wav2vec_cnn",
    "frontend_conf": {
        "norm_mode": "layer_norm",
        "conv_mode": "standard",
        "bias": True,
        "normalize_audio": True,
        "shapes": [[16, 10, 5], *[[16, 3, 2]] * 4, *[[16, 2, 2]] * 2],
    },
    "normalize": None,
    "preencoder": "linear",
    "preencoder_conf": {"output_size": 32},
    "encoder": "e_branchformer",
    "encoder_conf": {
        "output_size": 32,
        "attention_heads": 4,
        "attention_layer_type": "selfattn",
        "pos_enc_layer_type": "conv",
        "rel_pos_type": "latest",
        "cgmlp_linear_units": 64,
        "cgmlp_conv_kernel": 31,
        "use_linear_after_conv": False,
        "gate_activation": "identity",
        "num_blocks": 3,
        "dropout_rate": 0.1,
        "attention_dropout_rate": 0.1,
        "input_layer": None,
        "layer_drop_rate": 0.1,
        "linear_units": 64,
        "use_ffn": True,
        "macaron_ffn": True,
        "merge_conv_kernel": 31,
    },
}
ESPNET_HUBERT = {
    **XEUS,
    "frontend_conf": XEUS["frontend_conf"] | {"norm_mode": "group_norm", "normalize_audio": False, "bias": False},
    "normalize": "utterance_mvn",
    "encoder": "transformer",
    "encoder_conf": {
        "output_size": 32,
        "attention_heads": 4,
        "linear_units": 48,
        "num_blocks": 3,
        "input_layer": "wav2vec",
        "normalize_before": False,
        "pos_enc_layer_type": "conv",
    },
}
# As the models are released; where two sizes differ in architecture, one of each.
CONFIGS: dict[str, dict[str, Any]] = {
    "w2v_bert": {
        "model_type": "wav2vec2-bert",
        **TRANSFORMER,
        "left_max_position_embeddings": 6,
        "right_max_position_embeddings": 2,
        "conv_depthwise_kernel_size": 5,
    },
    "wav2vec2_base": {"model_type": "wav2vec2", **BASE},
    "xls_r": {"model_type": "wav2vec2", **LARGE},
    "hubert_base": {"model_type": "hubert", **BASE},
    "hubert_large": {"model_type": "hubert", **LARGE},
    "mhubert": {"model_type": "hubert", **BASE, "conv_pos_batch_norm": True, "feat_proj_layer_norm": False},
    "wavlm_base": {"model_type": "wavlm", **BASE, **WAVLM},
    "wavlm_large": {"model_type": "wavlm", **LARGE, **WAVLM},
    "xeus": XEUS,
    "espnet_hubert": ESPNET_HUBERT,
    "whisper": {
        "model_type": "whisper",
        "d_model": 32,
        "encoder_layers": 3,
        "encoder_attention_heads": 4,
        "encoder_ffn_dim": 48,
        "num_mel_bins": 80,
        "max_source_positions": 60,
    },
}

HUGGING_FACE = sorted(name for name, config in CONFIGS.items() if config["model_type"] != "espnet")


def tiny_encoder(name: str, frame_average: int = 1) -> AbsSpeechEncoder:
    """One of `CONFIGS` in evaluation mode, always with the same weights, large enough for every path to matter."""
    torch.manual_seed(0)
    encoder = build_encoder(CONFIGS[name], frame_average).eval()
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    for buffer_name, buffer in encoder.named_buffers():
        if "running" in buffer_name:
            torch.nn.init.uniform_(buffer, 0.5, 2.0)
    return encoder


def speech_batch(lengths: list[int], filler: float = 0.0, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise (batch, samples) with `filler` after each utterance, and (batch,) real samples."""
    generator = torch.Generator().manual_seed(seed)
    batch = torch.full((len(lengths), max(lengths)), filler)
    for row, length in zip(batch, lengths, strict=True):
        row[:length] = 0.1 * torch.randn(length, generator=generator) + 0.01
    return batch, torch.tensor(lengths)


def padded_batch(speech: list[np.ndarray], filler: float) -> tuple[torch.Tensor, torch.Tensor]:
    """(batch, samples) with `filler` after every waveform, including the longest, and (batch,) lengths."""
    batch = torch.full((len(speech), max(map(len, speech)) + 777), filler)
    for row, samples in zip(batch, speech, strict=True):
        row[: len(samples)] = torch.from_numpy(samples)
    return batch, torch.tensor([len(samples) for samples in speech])
