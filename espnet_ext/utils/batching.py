"""Batches of a fixed budget of padded samples."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

# A CPU is fastest while a layer's output fits into its caches. A GPU needs enough work to hide kernel launches.
CPU_BATCH_S, GPU_BATCH_S = 20.0, 240.0


def cut_batches(order: np.ndarray, num_samples: np.ndarray, budget: int) -> list[np.ndarray]:
    """Cut a length-sorted order of utterances into batches of at most `budget` padded samples.

    An utterance that is longer than the budget is a batch of its own.

    Args:
        order: (utterances,) indices, sorted by length.
        num_samples: length of every utterance, by index.
        budget: samples of a batch, padding included.
    """
    batches, start = [], 0
    for end in range(1, len(order) + 1):
        if end == len(order) or (end - start + 1) * num_samples[order[end]] > budget:
            batches.append(order[start:end])
            start = end
    return batches


def sorted_batches(lengths: np.ndarray, budget: int) -> list[np.ndarray]:
    """Indices of all utterances in batches of at most `budget` padded samples, shortest first.

    Args:
        lengths: (utterances,) samples of each.
        budget: samples of a batch, padding included.
    """
    return cut_batches(np.argsort(lengths, kind="stable"), lengths, budget)


def batch_seconds(device: "torch.device") -> float:
    """Audio of a batch without training (s, padding included) that suits a device."""
    return CPU_BATCH_S if device.type == "cpu" else GPU_BATCH_S
