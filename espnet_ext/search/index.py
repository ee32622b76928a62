"""An index as it is on disk: a manifest and numbered segments."""

import resource
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from espnet_ext.data.entries import Entry
from espnet_ext.errors import UserError
from espnet_ext.search.manifest import Manifest
from espnet_ext.search.segment import HEADER, Place, Segment, broken, open_segment

# File descriptors that are left to everything else in the process.
SPARE_FILES = 256


@dataclass(frozen=True)
class SearchIndex:
    """A snapshot: segments that are added later are not seen.

    Attributes:
        replaced: number of a segment -> its rows (sorted) that a later segment replaces.
    """

    folder: Path
    manifest: Manifest
    segments: tuple[Segment, ...]
    replaced: dict[int, np.ndarray]

    @classmethod
    def open(cls, folder: Path) -> "SearchIndex":
        """Open an index; vectors stay on disk.

        Raises:
            UserError: no index, or one whose files are broken or of another format; names the file.
        """
        manifest = Manifest.read(folder)
        folders = _segment_folders(folder)
        num_files = len(folders) * len(manifest.attributes)
        keep_open = num_files + SPARE_FILES < resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        segments = tuple(open_segment(path, manifest.attributes, keep_open) for path in folders)
        rows: dict[int, list[int]] = {}
        for segment_number, segment in enumerate(segments):
            for number, row in segment.replaces:
                if not (0 <= number < segment_number and 0 <= row < segments[number].num_rows):
                    raise broken(segment.folder / HEADER, "replaces recordings that are not there")
                rows.setdefault(number, []).append(row)
        return cls(folder, manifest, segments, {number: np.unique(found) for number, found in rows.items()})

    @cached_property
    def starts(self) -> np.ndarray:
        """Rows before each segment, and before the next one: (segments + 1,)."""
        return np.cumsum([0, *(segment.num_rows for segment in self.segments)])

    def num_recordings(self) -> int:
        """Recordings that can be found."""
        return int(self.starts[-1]) - sum(map(len, self.replaced.values()))

    def replaced_in(self, number: int) -> np.ndarray:
        """Rows of a segment that a later one replaces, ascending."""
        return self.replaced.get(number, np.empty(0, np.int64))

    def current(self) -> Iterator[tuple[Place, Entry]]:
        """Every recording that is not replaced, and its place."""
        for number, segment in enumerate(self.segments):
            gone = set(self.replaced_in(number).tolist())
            for row, entry in enumerate(segment.entries()):
                if row not in gone:
                    yield (number, row), entry


def segment_folder(folder: Path, number: int) -> Path:
    return folder / "segments" / f"{number:06d}"


def _segment_folders(folder: Path) -> list[Path]:
    numbers = sorted(int(path.name) for path in (folder / "segments").glob("[0-9]*"))
    folders = [segment_folder(folder, number) for number in range(len(numbers))]
    if numbers != list(range(len(numbers))):
        missing = next(path for path in folders if not path.exists())
        raise UserError(f"{missing}: broken index: this segment is missing; delete the index and build it again")
    return folders
