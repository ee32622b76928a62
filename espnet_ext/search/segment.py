"""A segment of an index: the vectors of some thousand recordings, written once and never changed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from espnet_ext.data.atomic import atomic_folder
from espnet_ext.data.entries import Entry, read_entries, write_entries
from espnet_ext.errors import UserError
from espnet_ext.scoring.similarity import row_norms

HEADER = "segment.json"
ENTRIES = "entries.jsonl"

Place = tuple[int, int]  # (number of the segment, row)


@dataclass(frozen=True)
class Segment:
    """A segment on disk; its rows are in order of the recordings' ids.

    Attributes:
        folder: holds segment.json, entries.jsonl and <attribute>.npy.
        num_rows: recordings.
        replaces: places in earlier segments of recordings that changed and are embedded again here.
        mapped: attribute -> vectors, of files that are kept open.
    """

    folder: Path
    num_rows: int
    replaces: tuple[Place, ...]
    mapped: dict[str, np.ndarray]

    def vectors(self, attribute: str) -> np.ndarray:
        """(rows, dim) float32, mapped from the disk: pages are read when they are used."""
        return self.mapped[attribute] if self.mapped else _map(self.folder, attribute)

    def entries(self, rows: Sequence[int] | None = None) -> list[Entry]:
        """Those of some rows; of all by default."""
        return read_entries(self.folder / ENTRIES, self.num_rows, rows)


def write_segment(
    folder: Path, entries: Sequence[Entry], vectors: Mapping[str, np.ndarray], replaces: Sequence[Place]
) -> None:
    """Write a segment, whole or not at all.

    Args:
        vectors: attribute -> (rows, dim) of unit length, a row for each entry.

    Raises:
        UserError: an embedding is zero or not finite; names the recording.
    """
    for rows in vectors.values():
        row_norms(rows, [entry.identity for entry in entries])
    with atomic_folder(folder) as temporary:
        for attribute, rows in vectors.items():
            np.save(temporary / f"{attribute}.npy", rows.astype(np.float32, copy=False))
        write_entries(temporary / ENTRIES, entries)
        header = {"num_rows": len(entries), "replaces": [list(place) for place in replaces]}
        (temporary / HEADER).write_text(json.dumps(header) + "\n", encoding="ascii")


def open_segment(folder: Path, attributes: Mapping[str, int], keep_open: bool) -> Segment:
    """Look at a segment's files without reading its vectors.

    Args:
        attributes: attribute -> dimension, of the index.
        keep_open: hold a file descriptor for each attribute, which spares a query some 0.1 ms for each.

    Raises:
        UserError: a file is missing, cut, or of another shape.
    """
    path = folder / HEADER
    try:
        header = json.loads(path.read_bytes())
        num_rows, replaces = int(header["num_rows"]), tuple((int(n), int(row)) for n, row in header["replaces"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise broken(path, error) from error
    mapped = {}
    for attribute, dim in attributes.items():
        vectors = _map(folder, attribute)
        if vectors.shape != (num_rows, dim) or vectors.dtype != np.float32:
            found = f"{vectors.dtype} {vectors.shape}, expected float32 {(num_rows, dim)}"
            raise broken(folder / f"{attribute}.npy", found)
        if keep_open:
            mapped[attribute] = vectors
    return Segment(folder, num_rows, replaces, mapped)


def _map(folder: Path, attribute: str) -> np.ndarray:
    # A str, not a Path, whose every parent numpy would look up.
    path = f"{folder}/{attribute}.npy"
    try:
        # np.asarray: slices of np.memmap are slow to make.
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise broken(Path(path), error) from error


def broken(path: Path, problem: object) -> UserError:
    """What to raise for a file that an index cannot have written."""
    return UserError(f"{path}: broken index file ({problem}); delete the index and build it again")
