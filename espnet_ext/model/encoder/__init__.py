"""Speech encoders, by the name of their architecture (`model_type` in config.json).

All of them run on torch's fused scaled-dot-product attention, position biases included.
"""

from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any

from espnet_ext.model.encoder.abs_encoder import AbsSpeechEncoder
from espnet_ext.utils.errors import UserError

# Architecture -> its class, or `module:class` below this package, which is imported when the encoder is built.
ENCODERS: dict[str, str | Callable[[dict[str, Any], int], AbsSpeechEncoder]] = {
    "espnet": "espnet:EspnetSpeechEncoder",
    "hubert": "wav2vec2:HubertSpeechEncoder",
    "wav2vec2": "wav2vec2:Wav2Vec2SpeechEncoder",
    "wav2vec2-bert": "w2v_bert:W2vBertSpeechEncoder",
    "wavlm": "wav2vec2:WavLMSpeechEncoder",
    "whisper": "whisper:WhisperSpeechEncoder",
}


def build_encoder(config: dict, frame_average: int = 1) -> AbsSpeechEncoder:
    """Build an encoder with random weights.

    Args:
        config: content of its config.json, and of its preprocessor_config.json under `preprocessor`.
        frame_average: neighboring frames that are averaged into one.

    Raises:
        UserError: the architecture is not in ENCODERS, or its sampling rate is not 16 kHz.
    """
    model_type = config.get("model_type")
    if model_type not in ENCODERS:
        raise UserError(f"encoder architecture {model_type!r} is unknown; legal: {', '.join(sorted(ENCODERS))}")
    rate = config.get("preprocessor", {}).get("sampling_rate", AbsSpeechEncoder.sampling_rate)
    if rate != AbsSpeechEncoder.sampling_rate:
        raise UserError(
            f"encoder config: its waveforms have {rate} Hz; encoders of {AbsSpeechEncoder.sampling_rate} only"
        )
    # It could name compiled code of the hub; this package chooses the attention.
    config = {key: value for key, value in config.items() if key.lstrip("_") != "attn_implementation"}
    cls = ENCODERS[model_type]
    cls = resolve_name(f"{__name__}.{cls}") if isinstance(cls, str) else cls
    return cls(config, frame_average)


__all__ = ["ENCODERS", "AbsSpeechEncoder", "build_encoder"]
