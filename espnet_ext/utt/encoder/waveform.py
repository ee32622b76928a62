"""Waveforms as encoders that read raw samples want them."""

from torch import Tensor

from espnet_ext.utt.encoder.masking import real_positions

VARIANCE_FLOOR = 1e-7


def zero_padding(speech: Tensor, num_samples: Tensor) -> Tensor:
    """Set what lies behind each utterance's `num_samples` (batch,) of `speech` (batch, samples) to zero."""
    return speech.masked_fill(~real_positions(num_samples, speech.shape[1]), 0.0)


def normalize_waveform(speech: Tensor, num_samples: Tensor) -> Tensor:
    """Bring each utterance to zero mean and unit variance over its real samples, as `Wav2Vec2FeatureExtractor` does.

    Args:
        speech: (batch, samples) float32.
        num_samples: (batch,) real samples of each utterance.

    Returns:
        (batch, samples) float32, zero behind each utterance.
    """
    count = num_samples[:, None]
    mean = zero_padding(speech, num_samples).sum(dim=1, keepdim=True) / count
    centred = zero_padding(speech - mean, num_samples)
    variance = centred.square().sum(dim=1, keepdim=True) / count
    return centred / (variance + VARIANCE_FLOOR).sqrt()
