"""Poolings by name: one vector per utterance from a sequence of frames."""

import torch
from torch import Tensor, nn

from espnet_ext.utils.errors import UserError

# Lower bound of a variance: the slope of the square root at zero is infinite.
MIN_VARIANCE = 1e-12


class AttentionPooling(nn.Module):
    """Weighted mean of frames, with learned weights that ignore padding.

    A single linear scorer gives every frame a logit; the softmax over the real
    frames of an utterance gives the weights (Safari et al., 2020, arXiv 2008.01077).

    Args:
        dim: size of a frame vector.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.output_dim = dim
        self.scorer = nn.Linear(dim, 1)

    def forward(self, frames: Tensor, frame_mask: Tensor) -> Tensor:
        """Pool each utterance over its real frames.

        Args:
            frames: (batch, frames, dim).
            frame_mask: (batch, frames) bool, True on real frames, at least one per utterance
                (audio too short for one frame is rejected where it is read: a check here
                would make the host wait for the GPU at every step).

        Returns:
            (batch, dim), in the dtype of `frames`.
        """
        # float32 even under autocast: bf16 logits tie neighboring frames.
        logits = self.scorer(frames).squeeze(-1).float()
        weights = logits.masked_fill(~frame_mask, -torch.inf).softmax(dim=1)
        # Padded frames may have any value, NaN included, and 0 * NaN is NaN.
        frames = frames.masked_fill(~frame_mask.unsqueeze(-1), 0.0)
        return torch.einsum("bt,btd->bd", weights.to(frames.dtype), frames)


class AttentiveStatisticsPooling(nn.Module):
    """Weighted mean and standard deviation over the real frames (Okabe et al., 2018, arXiv 1803.10963).

    Every head has separate weights for an equal part of a frame's entries (India et al., 2019, arXiv
    1906.09890). One head is Okabe's; one for every entry, the channel attention of ECAPA-TDNN without its
    global context (Desplanques et al., 2020, arXiv 2005.07143).

    Args:
        dim: size of a frame vector.
        num_heads: heads; they must divide `dim`.
        attention_dim: width of the hidden layer that the frames' logits are computed from.
    """

    def __init__(self, dim: int, num_heads: int = 1, attention_dim: int = 128) -> None:
        super().__init__()
        if not 1 <= num_heads <= dim or dim % num_heads:
            raise UserError(f"head: num_heads {num_heads} does not divide hidden_dim {dim}")
        if attention_dim < 1:
            raise UserError(f"head: attention_dim must be at least 1, found {attention_dim}")
        self.output_dim = 2 * dim
        self.hidden = nn.Linear(dim, attention_dim)
        # No bias: the softmax over frames does not depend on it.
        self.scorer = nn.Linear(attention_dim, num_heads, bias=False)

    def forward(self, frames: Tensor, frame_mask: Tensor) -> Tensor:
        """Pool each utterance over its real frames.

        Args:
            frames: (batch, frames, dim).
            frame_mask: (batch, frames) bool, True on real frames, at least one per utterance.

        Returns:
            (batch, 2 * dim) float32: means, then standard deviations.
        """
        # float32 even under autocast: bf16 logits tie neighboring frames, and squares lose a small variance.
        logits = self.scorer(self.hidden(frames).tanh()).float()
        weights = logits.masked_fill(~frame_mask[..., None], -torch.inf).softmax(dim=1)[..., None]
        # Padded frames may have any value, NaN included, and 0 * NaN is NaN.
        frames = frames.masked_fill(~frame_mask[..., None], 0.0).float()
        frames = frames.unflatten(dim=2, sizes=(weights.shape[2], -1))
        mean = (weights * frames).sum(dim=1)
        variance = (weights * (frames - mean[:, None]).square()).sum(dim=1)
        return torch.cat([mean.flatten(1), variance.clamp(min=MIN_VARIANCE).sqrt().flatten(1)], dim=1)


class MeanPooling(nn.Module):
    """Plain mean over the real frames: no parameters, the baseline of an untrained encoder.

    Args:
        dim: size of a frame vector.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.output_dim = dim

    def forward(self, frames: Tensor, frame_mask: Tensor) -> Tensor:
        """Pool (batch, frames, dim) over the frames where `frame_mask` (batch, frames) is True to (batch, dim)."""
        frames = frames.masked_fill(~frame_mask.unsqueeze(-1), 0.0)
        return frames.sum(dim=1) / frame_mask.sum(dim=1, keepdim=True)


# Built as `pooling(size of a frame, **pooling_options)`; `output_dim` is the size of its output.
POOLINGS: dict[str, type[nn.Module]] = {
    "attention": AttentionPooling,
    "attentive_statistics": AttentiveStatisticsPooling,
    "mean": MeanPooling,
}
