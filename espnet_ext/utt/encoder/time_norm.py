"""Norms over time that see real frames alone."""

from torch import Tensor, nn

from espnet_ext.utt.encoder.masking import real_positions


def norm_over_time(hidden: Tensor, num_frames: Tensor, norm: nn.GroupNorm) -> Tensor:
    """Apply a group norm with one channel a group, as the first layer of base models has, over real frames.

    Args:
        hidden: (batch, channels, frames).
        num_frames: (batch,) real frames of each utterance.
        norm: its scale, shift and epsilon.

    Returns:
        (batch, channels, frames) in the dtype of `hidden`; padded frames hold finite values.
    """
    padded = ~real_positions(num_frames, hidden.shape[2])[:, None]
    count = num_frames[:, None, None]
    # float32, as autocast runs norms.
    frames = hidden.float()
    mean = frames.masked_fill(padded, 0.0).sum(dim=2, keepdim=True) / count
    variance = (frames - mean).masked_fill(padded, 0.0).square().sum(dim=2, keepdim=True) / count
    scale = norm.weight[:, None] * (variance + norm.eps).rsqrt()
    return (frames * scale + (norm.bias[:, None] - mean * scale)).to(hidden.dtype)
