"""Which positions of a padded batch are real."""

import torch
from torch import Tensor


def real_positions(counts: Tensor, size: int) -> Tensor:
    """Mask of the first `counts` (batch,) of `size` positions: (batch, size) bool, without a wait for the device."""
    return torch.arange(size, device=counts.device) < counts[:, None]
