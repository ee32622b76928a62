"""Seamless' log-mel features (w2v-BERT 2.0), batched, on the model's device, with no leak from padding."""

import torch
from torch import Tensor, nn
from transformers.audio_utils import mel_filter_bank, window_function

from espnet_ext.model.encoder.padding import real_positions

FRAME_SAMPLES = 400
HOP_SAMPLES = 160
FFT_SAMPLES = 512
SAMPLING_RATE = 16_000
LOWEST_HZ = 20.0
INTEGER_SCALE = 2.0**15
PREEMPHASIS = 0.97
MEL_FLOOR = 1.192092955078125e-07
VARIANCE_FLOOR = 1e-7


class SeamlessLogMel(nn.Module):
    """Kaldi-style log-mel energies, normalized per band and stacked, as `SeamlessM4TFeatureExtractor` computes them.

    Frames that do not fill a last stack are part of an utterance's mean and variance, but of no stack.

    Args:
        num_mels: number of mel bands.
        stack: neighboring frames that become one.
    """

    def __init__(self, num_mels: int, stack: int) -> None:
        super().__init__()
        filters = mel_filter_bank(
            num_frequency_bins=FFT_SAMPLES // 2 + 1,
            num_mel_filters=num_mels,
            min_frequency=LOWEST_HZ,
            max_frequency=SAMPLING_RATE / 2,
            sampling_rate=SAMPLING_RATE,
            norm=None,
            mel_scale="kaldi",
            triangularize_in_mel_space=True,
        )
        window = window_function(FRAME_SAMPLES, "povey", periodic=False)
        self.stack = stack
        # As integers' bits: `model.to(dtype=...)`, which ESPnet calls, would round tables of real numbers.
        self.register_buffer("filter_bits", torch.from_numpy(filters).double().view(torch.int64), persistent=False)
        self.register_buffer("window_bits", torch.from_numpy(window).double().view(torch.int64), persistent=False)

    def forward(self, speech: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the features.

        Args:
            speech: (batch, samples) float32.
            num_samples: (batch,) real samples of each utterance, enough for two frames and one stack.

        Returns:
            (batch, stacks, num_mels * stack) float32, zero on padding, and (batch,) real stacks of each utterance.
        """
        num_frames = (num_samples - FRAME_SAMPLES) // HOP_SAMPLES + 1
        log_mel = self._log_mel(speech)
        real = real_positions(num_frames, log_mel.shape[1])[..., None]
        normalized = _normalize_bands(log_mel, real, num_frames[:, None, None])
        num_stacks = num_frames // self.stack
        stacks = normalized[:, : normalized.shape[1] // self.stack * self.stack].unflatten(1, (-1, self.stack))
        stacks = stacks.flatten(2)
        return stacks.masked_fill(~real_positions(num_stacks, stacks.shape[1])[..., None], 0.0), num_stacks

    def _log_mel(self, speech: Tensor) -> Tensor:
        """(batch, samples) to (batch, frames, num_mels) float32."""
        # float64 up to the logarithm: in float32 the loudest component's rounding errors drown bands 100 dB below it.
        frames = speech.double().unfold(1, FRAME_SAMPLES, HOP_SAMPLES) * INTEGER_SCALE
        frames = frames - frames.mean(dim=2, keepdim=True)
        # The first sample of a frame has no predecessor but itself.
        previous = torch.cat([frames[..., :1], frames[..., :-1]], dim=2)
        frames = (frames - PREEMPHASIS * previous) * self.window_bits.view(torch.float64)
        power = torch.fft.rfft(frames, FFT_SAMPLES).abs().square()
        return (power @ self.filter_bits.view(torch.float64)).clamp(min=MEL_FLOOR).log().float()


def _normalize_bands(log_mel: Tensor, real: Tensor, num_frames: Tensor) -> Tensor:
    """Zero mean and unit (unbiased) variance of each band over an utterance's real frames."""
    mean = log_mel.masked_fill(~real, 0.0).sum(dim=1, keepdim=True) / num_frames
    centered = (log_mel - mean).masked_fill(~real, 0.0)
    variance = centered.square().sum(dim=1, keepdim=True) / (num_frames - 1)
    return centered / (variance + VARIANCE_FLOOR).sqrt()
