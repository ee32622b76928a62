"""Pooling against float64 loops, and its independence of padding."""

import pytest
import torch
from torch import Tensor, nn

from espnet_ext.model.head.pooling import POOLINGS, AttentionPooling, AttentiveStatisticsPooling

LENGTHS = [1, 11, 30]


def pool_one(pooling: nn.Module, frames: Tensor) -> Tensor:
    """Reference for one utterance (frames, dim), in float64, frame by frame."""
    if isinstance(pooling, AttentiveStatisticsPooling):
        return statistics_of_one(pooling, frames)
    weights = [1.0] * len(frames)
    if isinstance(pooling, AttentionPooling):
        scorer = pooling.scorer.weight[0].detach().double()
        scores = [float(frame.double() @ scorer) for frame in frames]
        weights = [torch.tensor(score - max(scores), dtype=torch.float64).exp().item() for score in scores]
    return sum(w * f.double() for w, f in zip(weights, frames, strict=True)) / sum(weights)


def statistics_of_one(pooling: AttentiveStatisticsPooling, frames: Tensor) -> Tensor:
    """Reference for one utterance, entry by entry."""
    hidden, scorer = pooling.hidden.double(), pooling.scorer.double()
    with torch.no_grad():
        scores = torch.stack([scorer(hidden(frame.double()).tanh()) for frame in frames])
    hidden.float(), scorer.float()
    means, deviations = [], []
    for entry, values in enumerate(frames.double().T):
        weights = scores[:, entry * scores.shape[1] // frames.shape[1]].exp()
        means.append((weights * values).sum() / weights.sum())
        variance = (weights * values**2).sum() / weights.sum() - means[-1] ** 2
        deviations.append(variance.clamp(min=1e-12).sqrt())
    return torch.stack(means + deviations)


@pytest.mark.parametrize("filler", [0.0, 1e4, float("nan")])
@pytest.mark.parametrize("name", sorted(POOLINGS))
def test_a_padded_batch_is_pooled_as_each_utterance_alone(name: str, filler: float) -> None:
    torch.manual_seed(0)
    pooling = POOLINGS[name](8)
    frames = torch.randn(3, 30, 8)
    mask = torch.arange(30) < torch.tensor(LENGTHS)[:, None]
    expected = torch.stack([pool_one(pooling, row[:length]) for row, length in zip(frames, LENGTHS, strict=True)])
    pooled = pooling(frames.masked_fill(~mask[..., None], filler), mask)
    torch.testing.assert_close(pooled.double(), expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", sorted(POOLINGS))
def test_padding_gets_no_gradient(name: str) -> None:
    pooling = POOLINGS[name](8)
    frames = torch.randn(3, 30, 8).requires_grad_()
    mask = torch.arange(30) < torch.tensor(LENGTHS)[:, None]
    pooling(frames, mask).square().sum().backward()
    assert (frames.grad[~mask] == 0).all()
    assert (frames.grad[mask] != 0).any(dim=1).all()


def test_attention_weights_remain_distinct_in_bfloat16() -> None:
    pooling = AttentionPooling(8)
    pooled = pooling.bfloat16()(torch.randn(1, 40, 8).bfloat16(), torch.ones(1, 40, dtype=torch.bool))
    assert pooled.dtype is torch.bfloat16
    assert pooled.isfinite().all()
