"""Approximate search: 4-bit product quantisation (FAISS, fast scan) of all attributes side by side.

A code holds the attributes one after the other, each in its own sub-quantisers of two dimensions.
A query that does not ask for an attribute has zeros there, which cost no precision, so that one
scan serves any combination of attributes, whatever the signs of the weights; trees and graphs over
the neighbours in a fixed metric do not. The best by their codes are then scored exactly.

Andre, Kermarrec and Le Scouarnec, Accelerated nearest neighbor search with Quick ADC, 2017;
Douze et al., The Faiss library, arXiv 2401.08281.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from espnet_ext.data.atomic import atomic_path
from espnet_ext.errors import UserError
from espnet_ext.search.index import SearchIndex
from espnet_ext.search.ranking import Ranking

FILE_NAME = "codes.faiss"
SUB_DIM = 2
# Fewer vectors are searched exactly in a millisecond.
MIN_ROWS = 1024
MAX_TRAIN_ROWS = 32_768
# Scored exactly: this many, and more where more are asked for.
MIN_CANDIDATES = 500
CANDIDATES_PER_HIT = 20


def update_codes(index: SearchIndex) -> None:
    """Write codes of all vectors; those that the file has are kept, as long as the quantiser stays.

    The quantiser is trained on the first vectors, and anew whenever there are twice as many, up to
    `MAX_TRAIN_ROWS`: it follows from the segments alone, however many builds wrote them.

    Raises:
        UserError: FAISS is not installed, or the file is broken.
    """
    faiss = _import_faiss()
    num_rows = int(index.starts[-1])
    if num_rows < MIN_ROWS:
        print(f"  {index.folder}: {num_rows} vectors are searched exactly; codes are made of {MIN_ROWS} or more")
        return
    path = index.folder / FILE_NAME
    codes = _read(path, index) if path.exists() else None
    if codes is None or _train_rows(codes.ntotal) != _train_rows(num_rows):
        codes = faiss.IndexPQFastScan(_width(index), _width(index) // SUB_DIM, 4, faiss.METRIC_INNER_PRODUCT)
        codes.train(np.concatenate(list(_blocks(index, 0, _train_rows(num_rows)))))
    for block in _blocks(index, codes.ntotal, num_rows):
        codes.add(block)
    with atomic_path(path) as temporary:
        faiss.write_index(codes, str(temporary))


@dataclass(frozen=True)
class Codes:
    """Those of the first `num_segments` segments, in memory; faiss_index: d = width, a row for each vector."""

    faiss_index: Any
    num_segments: int

    def scan(self, ranking: Ranking) -> None:
        """Offer a ranking the rows that are best by their codes."""
        index = ranking.index
        wanted = max(MIN_CANDIDATES, CANDIDATES_PER_HIT * ranking.top)
        # Some of those found have been replaced.
        wanted = math.ceil(wanted * index.starts[-1] / index.num_recordings())
        zeros = {name: np.zeros(dim) for name, dim in index.manifest.attributes.items()}
        query = _side_by_side({name: vector[None] for name, vector in (zeros | ranking.query).items()})
        _, found = self.faiss_index.search(query, min(wanted, self.faiss_index.ntotal))
        places = np.sort(found[0][found[0] >= 0])
        number_of = np.searchsorted(index.starts, places, side="right") - 1
        for number in np.unique(number_of).tolist():
            rows = places[number_of == number] - index.starts[number]
            if number in index.replaced:
                rows = np.setdiff1d(rows, index.replaced[number])
            if len(rows):
                ranking.offer(number, rows)


def open_codes(index: SearchIndex) -> Codes | None:
    """Read the codes of an index; None where it is so small that it has none.

    Raises:
        UserError: FAISS is not installed, there are no codes, or the file is broken.
    """
    path = index.folder / FILE_NAME
    if path.exists():
        faiss_index = _read(path, index)
        return Codes(faiss_index, int(np.searchsorted(index.starts, faiss_index.ntotal)))
    if index.starts[-1] < MIN_ROWS:
        return None
    raise UserError(f"{index.folder}: no codes for approximate search; run `search build --index faiss` on it")


def _train_rows(num_rows: int) -> int:
    return min(MAX_TRAIN_ROWS, 1 << (num_rows.bit_length() - 1))


def _width(index: SearchIndex) -> int:
    """Dimensions of all attributes, each rounded up to whole sub-quantisers."""
    return sum(-(-dim // SUB_DIM) * SUB_DIM for dim in index.manifest.attributes.values())


def _blocks(index: SearchIndex, start: int, stop: int) -> Iterator[np.ndarray]:
    """Rows start ... stop - 1 of the index, (rows, width) float32 of a segment at a time."""
    for segment, first in zip(index.segments, index.starts, strict=False):
        rows = slice(max(0, start - first), max(0, stop - first))
        vectors = {name: segment.vectors(name)[rows] for name in index.manifest.attributes}
        block = _side_by_side(vectors)
        if len(block):
            yield block


def _side_by_side(vectors: dict[str, np.ndarray]) -> np.ndarray:
    """attribute -> (rows, dim) as (rows, width) float32."""
    padded = [np.pad(rows, ((0, 0), (0, -rows.shape[1] % SUB_DIM))) for rows in vectors.values()]
    return np.hstack(padded, dtype=np.float32)


def _read(path: Path, index: SearchIndex) -> Any:
    faiss = _import_faiss()
    try:
        codes = faiss.read_index(str(path))
    except RuntimeError as error:
        raise UserError(f"{path}: broken index file ({error}); delete it and run `search build` again") from error
    if codes.d != _width(index) or codes.ntotal not in index.starts:
        raise UserError(f"{path}: codes of other vectors; delete it and run `search build --index faiss` again")
    return codes


def _import_faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise UserError(
            "approximate search needs FAISS: tools/venv/bin/python -m pip install faiss-cpu, or use --index exact"
        ) from error
    return faiss
