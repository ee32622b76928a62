"""Relative positions of frame pairs against a plain look-up, and their gradient."""

import pytest
import torch

from espnet_ext.model.encoder.attention import SpreadOverPairs


def look_up(by_distance: torch.Tensor, left: int, key_mask: torch.Tensor) -> torch.Tensor:
    """Reference that looks up one pair of frames at a time."""
    frames, distances = by_distance.shape[2:]
    rows = [
        torch.stack([by_distance[:, :, query, min(max(key - query + left, 0), distances - 1)] for key in range(frames)])
        for query in range(frames)
    ]
    pairs = torch.stack(rows).permute(2, 3, 0, 1)
    return pairs.masked_fill(~key_mask[:, None, None], -torch.inf)


@pytest.mark.parametrize(
    ("frames", "left", "right"), [(1, 4, 2), (3, 4, 2), (9, 3, 1), (9, 0, 2), (7, 6, 6), (5, 1, 0)]
)
def test_values_and_gradient_are_those_of_a_look_up(frames: int, left: int, right: int) -> None:
    torch.manual_seed(0)
    key_mask = torch.arange(frames) < torch.tensor([[frames], [max(1, frames - 2)]])
    weight = torch.randn(2, 3, frames, frames, dtype=torch.float64)
    results = []
    for spread in (look_up, SpreadOverPairs.apply):
        by_distance = torch.randn(2, 3, frames, left + right + 1, dtype=torch.float64, generator=torch.manual_seed(1))
        by_distance.requires_grad_()
        bias = spread(by_distance, left, key_mask)
        (bias.softmax(dim=3) * weight).sum().backward()
        results.append((bias.detach(), by_distance.grad))
    torch.testing.assert_close(results[1], results[0])
