"""Float64 cosines of unit rows, one block at a time, on the CPU or on a GPU.

The products are nearly all of the arithmetic of retrieval: 2 * queries * candidates * dim operations (2e13 for
100,000 x 100,000 at 1,024 dimensions). A block is multiplied, compared and dropped: all scores would be 80 GB.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from espnet_ext.scoring.rows import CHUNK_ROWS, UnitRows, chunk_slices
from espnet_ext.scoring.similarity import SCORE_DECIMALS
from espnet_ext.utils.errors import UserError

CPU = torch.device("cpu")


class Block(NamedTuple):
    """Rounded cosines (rows, columns) of consecutive queries (`rows`) with consecutive candidates (`columns`)."""

    rows: slice
    columns: slice
    cosines: Tensor


@dataclass(frozen=True)
class Products:
    """A device and the sizes of its blocks.

    Attributes:
        device: a device of torch that has float64.
        tile_rows: candidates that are kept on the device at once (64 MB of float64 at 1,024 dimensions).
        block_cells: scores of one block (32 MB of float64).
    """

    device: torch.device = CPU
    tile_rows: int = 8192
    block_cells: int = 4_000_000

    @classmethod
    def on(cls, device: torch.device) -> "Products":
        """Products on a device, in larger blocks on a GPU (1 GB of candidates, 512 MB of scores).

        Raises:
            UserError: the device has no float64.
        """
        if device.type == "mps":
            raise UserError(f"--device {device}: no float64 products there; give cpu")
        return cls() if device.type == "cpu" else cls(device, tile_rows=131_072, block_cells=64_000_000)

    def blocks(self, queries: UnitRows, candidates: UnitRows) -> Iterator[Block]:
        """Cosines of all (q, dim) queries with all (c, dim) candidates. A block may be overwritten by its user."""
        for columns in chunk_slices(len(candidates), self.tile_rows):
            tile = self._take(candidates, columns).T
            for rows in chunk_slices(len(queries), max(1, self.block_cells // tile.shape[1])):
                cosines = self._take(queries, rows) @ tile
                yield Block(rows, columns, cosines.round_(decimals=SCORE_DECIMALS))

    def _take(self, rows: UnitRows, part: slice) -> Tensor:
        """Consecutive rows as (m, dim) float64 on the device, converted a chunk at a time."""
        taken = torch.empty((part.stop - part.start, rows.dim), dtype=torch.float64, device=self.device)
        for chunk in chunk_slices(len(taken), CHUNK_ROWS, part.start):
            taken[chunk.start - part.start : chunk.stop - part.start] = torch.from_numpy(rows.take(chunk))
        return taken
