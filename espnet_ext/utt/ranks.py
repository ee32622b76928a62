"""Sums and rows over the processes (ranks) that share a batch; with one process, everything is what it is."""

import torch
from torch import Tensor, distributed


def num_ranks() -> int:
    """Processes that train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def sum_over_ranks(values: Tensor) -> Tensor:
    """Sum of the ranks' values, without a gradient; all ranks must call it, with the same shape."""
    if num_ranks() == 1:
        return values
    total = values.detach().clone()
    distributed.all_reduce(total)
    return total


def gather_rows(rows: Tensor) -> Tensor:
    """Rows of all ranks, without a gradient.

    Args:
        rows: (batch, dim) of this rank; the ranks' batches may differ in size.

    Returns:
        (sum of the batches, dim), by rank.
    """
    ranks = num_ranks()
    if ranks == 1:
        return rows
    sizes = [torch.zeros(1, dtype=torch.long, device=rows.device) for _ in range(ranks)]
    distributed.all_gather(sizes, sizes[0].new_tensor([len(rows)]))
    counts = torch.cat(sizes).tolist()
    padded = rows.new_zeros(max(counts), rows.shape[1])
    padded[: len(rows)] = rows.detach()
    parts = [torch.empty_like(padded) for _ in range(ranks)]
    distributed.all_gather(parts, padded)
    return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])
