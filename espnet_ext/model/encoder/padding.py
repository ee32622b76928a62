"""Operations on padded batches in which padding has no effect."""

import torch
from torch import Tensor, nn

VARIANCE_FLOOR = 1e-7


def real_positions(counts: Tensor, size: int) -> Tensor:
    """Mask of the first `counts` (batch,) of `size` positions: (batch, size) bool, without waiting for the device."""
    return torch.arange(size, device=counts.device) < counts[:, None]


def zero_padding(speech: Tensor, num_samples: Tensor) -> Tensor:
    """Set samples after each utterance's `num_samples` (batch,) of `speech` (batch, samples) to zero."""
    return speech.masked_fill(~real_positions(num_samples, speech.shape[1]), 0.0)


def normalize_waveform(speech: Tensor, num_samples: Tensor, variance_floor: float = VARIANCE_FLOOR) -> Tensor:
    """Scale each utterance to zero mean and unit variance over its real samples, as `Wav2Vec2FeatureExtractor` does.

    Args:
        speech: (batch, samples) float32.
        num_samples: (batch,) real samples of each utterance.
        variance_floor: is added to the variance.

    Returns:
        (batch, samples) float32, zero after each utterance.
    """
    count = num_samples[:, None]
    mean = zero_padding(speech, num_samples).sum(dim=1, keepdim=True) / count
    centered = zero_padding(speech - mean, num_samples)
    variance = centered.square().sum(dim=1, keepdim=True) / count
    return centered / (variance + variance_floor).sqrt()


def norm_over_time(hidden: Tensor, num_frames: Tensor, norm: nn.GroupNorm) -> Tensor:
    """Apply a group norm with one channel per group, as in the first layer of base models, over real frames.

    Args:
        hidden: (batch, channels, frames).
        num_frames: (batch,) real frames of each utterance.
        norm: its scale, shift and epsilon.

    Returns:
        (batch, channels, frames) in the dtype of `hidden`; padded frames have finite values.
    """
    padded = ~real_positions(num_frames, hidden.shape[2])[:, None]
    count = num_frames[:, None, None]
    # float32, as autocast runs norms.
    frames = hidden.float()
    mean = frames.masked_fill(padded, 0.0).sum(dim=2, keepdim=True) / count
    variance = (frames - mean).masked_fill(padded, 0.0).square().sum(dim=2, keepdim=True) / count
    scale = norm.weight[:, None] * (variance + norm.eps).rsqrt()
    return (frames * scale + (norm.bias[:, None] - mean * scale)).to(hidden.dtype)


def average_frames(layers: list[Tensor], frame_mask: Tensor, count: int) -> tuple[list[Tensor], Tensor]:
    """Average every `count` neighboring frames; the last group of an utterance over its real frames only.

    Args:
        layers: (batch, frames, dim) each.
        frame_mask: (batch, frames) bool, True on real frames.
        count: frames that become one.

    Returns:
        (batch, ceil(frames / count), dim) each, and their mask.
    """
    if count == 1:
        return layers, frame_mask
    padding = -frame_mask.shape[1] % count
    grouped_mask = nn.functional.pad(frame_mask, (0, padding)).unflatten(1, (-1, count))
    share = grouped_mask / grouped_mask.sum(dim=2, keepdim=True).clamp(min=1)
    averaged = []
    for layer in layers:
        real = nn.functional.pad(layer.masked_fill(~frame_mask[..., None], 0.0), (0, 0, 0, padding))
        averaged.append((real.unflatten(1, (-1, count)) * share[..., None].to(layer.dtype)).sum(dim=2))
    return averaged, grouped_mask.any(dim=2)
