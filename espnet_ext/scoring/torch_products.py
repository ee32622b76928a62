"""Float32 products on a GPU. The only file of scoring that knows torch, imported when a GPU is asked for."""

import numpy as np
import torch
from torch import Tensor

from espnet_ext.errors import UserError
from espnet_ext.scoring.products import DENSE_SHARE, Reach
from espnet_ext.teachers.runtime import Runtime


class TorchProducts:
    """A torch device; see `products.Products`.

    Raises:
        UserError: a device that this machine lacks, or TF32 products, whose error is beyond the bound.
    """

    # 1 GB of scores, and as much again for their comparisons.
    block_cells = 250_000_000

    def __init__(self, device: str) -> None:
        device = Runtime(device).torch_device()
        if device.type == "cuda" and torch.backends.cuda.matmul.allow_tf32:
            raise UserError("scores need full float32 products; unset torch.backends.cuda.matmul.allow_tf32")
        self.device = device

    def _product(self, queries: np.ndarray, candidates: np.ndarray) -> Tensor:
        left, right = (torch.from_numpy(rows).to(self.device) for rows in (queries, candidates))
        return left @ right.T

    @torch.inference_mode()
    def reaching(self, queries: np.ndarray, candidates: np.ndarray, low: np.ndarray, high: np.ndarray) -> Reach | None:
        """See `Products`."""
        products = self._product(queries, candidates)
        least, most = (torch.from_numpy(edge).to(self.device, torch.float32)[:, None] for edge in (low, high))
        above = products > most
        between = (products >= least) & ~above
        if int(between.sum()) > DENSE_SHARE * between.numel():
            return None
        rows, columns = between.nonzero(as_tuple=True)
        return Reach(*(found.cpu().numpy() for found in (above.sum(dim=1), rows, columns)))

    @torch.inference_mode()
    def nearest(self, queries: np.ndarray, candidates: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Products`."""
        found = self._product(queries, candidates).topk(width, dim=1, sorted=False)
        return found.values.cpu().numpy(), found.indices.cpu().numpy()
