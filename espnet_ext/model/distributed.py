"""Reductions over the data-parallel ranks that share a batch; with one rank, inputs are returned unchanged."""

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_gather


def num_ranks() -> int:
    """Number of processes that train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def sum_over_ranks(values: Tensor) -> Tensor:
    """Sum of the ranks' values, without a gradient; all ranks must call it, with the same shape."""
    if num_ranks() == 1:
        return values
    total = values.detach().clone()
    distributed.all_reduce(total)
    return total


def gather_rows(rows: Tensor) -> Tensor:
    """Concatenate the rows of all ranks; gradients flow back to the rank of each row.

    Args:
        rows: (batch, dim) of this rank; the ranks' batches may differ in size.

    Returns:
        (sum of the batches, dim), by rank.
    """
    if num_ranks() == 1:
        return rows
    counts = _row_counts(rows)
    padded = nn.functional.pad(rows, (0, 0, 0, max(counts) - len(rows)))
    return torch.cat([part[:count] for part, count in zip(all_gather(padded), counts, strict=True)])


def first_row(rows: Tensor) -> int:
    """Index of this rank's first row among the rows of all ranks."""
    return 0 if num_ranks() == 1 else sum(_row_counts(rows)[: distributed.get_rank()])


def _row_counts(rows: Tensor) -> list[int]:
    sizes = [torch.zeros(1, dtype=torch.long, device=rows.device) for _ in range(num_ranks())]
    distributed.all_gather(sizes, sizes[0].new_tensor([len(rows)]))
    return torch.cat(sizes).tolist()
