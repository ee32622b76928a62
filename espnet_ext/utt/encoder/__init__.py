"""Speech encoders, by the name of their Hugging Face architecture (`model_type` in config.json)."""

from espnet_ext.errors import UserError
from espnet_ext.utt.encoder.abs_encoder import AbsSpeechEncoder
from espnet_ext.utt.encoder.whisper import WhisperSpeechEncoder

ENCODERS: dict[str, type[AbsSpeechEncoder]] = {
    "whisper": WhisperSpeechEncoder,
}


def build_encoder(config: dict, frame_average: int = 1) -> AbsSpeechEncoder:
    """Build an encoder with random weights.

    Args:
        config: content of its Hugging Face config.json.
        frame_average: neighbouring frames that are averaged into one.

    Raises:
        UserError: the architecture is not in ENCODERS.
    """
    model_type = config.get("model_type")
    if model_type not in ENCODERS:
        raise UserError(f"encoder architecture {model_type!r} is unknown; legal: {', '.join(sorted(ENCODERS))}")
    return ENCODERS[model_type](config, frame_average)


__all__ = ["ENCODERS", "AbsSpeechEncoder", "build_encoder"]
