"""Poolings by name: one vector per utterance from a sequence of frames."""

import torch
from torch import Tensor, nn

from espnet_ext.utt.head.attentive_statistics import AttentiveStatisticsPooling


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
                (audio too short for one frame is refused where it is read: a check here
                would make the host wait for the GPU at every step).

        Returns:
            (batch, dim), in the dtype of `frames`.
        """
        # float32 even under autocast: bf16 logits tie neighbouring frames.
        logits = self.scorer(frames).squeeze(-1).float()
        weights = logits.masked_fill(~frame_mask, -torch.inf).softmax(dim=1)
        # Padded frames may hold anything, NaN included, and 0 * NaN is NaN.
        frames = frames.masked_fill(~frame_mask.unsqueeze(-1), 0.0)
        return torch.einsum("bt,btd->bd", weights.to(frames.dtype), frames)


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


# Built as `pooling(size of a frame, **pooling_options)`; `output_dim` is the size of what comes out.
POOLINGS: dict[str, type[nn.Module]] = {
    "attention": AttentionPooling,
    "attentive_statistics": AttentiveStatisticsPooling,
    "mean": MeanPooling,
}
