"""Whisper's log-mel spectrogram, batched, on the model's device, with no leak from padding."""

import torch
from torch import Tensor, nn
from transformers.audio_utils import mel_filter_bank

FFT_SAMPLES = 400
HOP_SAMPLES = 160
SAMPLING_RATE = 16_000
DYNAMIC_RANGE = 8.0


class WhisperLogMel(nn.Module):
    """Log-mel energies as `WhisperFeatureExtractor` computes them for one utterance without padding.

    Args:
        num_mels: number of mel bands.
    """

    def __init__(self, num_mels: int) -> None:
        super().__init__()
        filters = mel_filter_bank(
            num_frequency_bins=FFT_SAMPLES // 2 + 1,
            num_mel_filters=num_mels,
            min_frequency=0.0,
            max_frequency=SAMPLING_RATE / 2,
            sampling_rate=SAMPLING_RATE,
            norm="slaney",
            mel_scale="slaney",
        )
        self.register_buffer("filters", torch.from_numpy(filters).float(), persistent=False)
        self.register_buffer("window", torch.hann_window(FFT_SAMPLES), persistent=False)

    def forward(self, speech: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the features.

        Args:
            speech: (batch, samples) float32.
            num_samples: (batch,) real samples of each utterance, more than 200.

        Returns:
            (batch, num_mels, frames) float32, zero on padded frames, and (batch,) real frames of each utterance.
        """
        num_frames = num_samples // HOP_SAMPLES
        centered = reflect_ends(speech, num_samples, FFT_SAMPLES // 2)
        # float32 throughout: powers of quiet speech underflow in half precision.
        with torch.autocast(speech.device.type, enabled=False):
            spectrum = torch.stft(
                centered.float(), FFT_SAMPLES, HOP_SAMPLES, window=self.window, center=False, return_complex=True
            )
            power = spectrum[..., : speech.shape[1] // HOP_SAMPLES].abs().square()
            log_mel = (self.filters.T @ power).clamp(min=1e-10).log10()
        padded = torch.arange(log_mel.shape[-1], device=speech.device) >= num_frames[:, None]
        padded = padded[:, None, :]
        loudest = log_mel.masked_fill(padded, -torch.inf).amax(dim=(1, 2), keepdim=True)
        log_mel = torch.maximum(log_mel, loudest - DYNAMIC_RANGE)
        return ((log_mel + 4.0) / 4.0).masked_fill(padded, 0.0), num_frames


def reflect_ends(speech: Tensor, num_samples: Tensor, margin: int) -> Tensor:
    """Extend each utterance by its own mirror image at both ends, as a centered STFT does for one utterance.

    Args:
        speech: (batch, samples).
        num_samples: (batch,) real samples, more than `margin`.
        margin: samples added at each end.

    Returns:
        (batch, samples + 2 * margin); values after an utterance's mirrored end are undefined.
    """
    last = num_samples[:, None] - 1
    position = torch.arange(-margin, speech.shape[1] + margin, device=speech.device).expand(len(speech), -1)
    position = torch.where(position > last, 2 * last - position, position).abs()
    return speech.gather(1, position.clamp(max=speech.shape[1] - 1))
