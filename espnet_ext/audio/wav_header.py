"""Size of the sound in the header of a WAV or AIFF file; libsndfile does not compare it with the size of the file."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# Programs that write into a pipe cannot go back to fill in the size. They leave 0, or a number at or a little below
# a multiple of 2 GiB: 0xFFFFFFFF, 0x7FFFF000, 0x80000000 ...
PLACEHOLDER_MULTIPLE = 2**31
PLACEHOLDER_MARGIN = 2**16
# First bytes -> byte order.
BYTE_ORDERS = {b"RIFF": "<", b"RF64": "<", b"RIFX": ">", b"FORM": ">"}


def missing_bytes(path: Path) -> int:
    """Bytes of sound that the header promises and the file lacks; 0 for files of other formats."""
    size, available = _sound_sizes(path)
    is_placeholder = -size % PLACEHOLDER_MULTIPLE <= PLACEHOLDER_MARGIN
    return 0 if is_placeholder else max(size - available, 0)


def has_open_size(path: Path) -> bool:
    """Whether the header gives 0 bytes of sound, but sound follows to the end of the file."""
    size, available = _sound_sizes(path)
    if size > 0 or available == 0:
        return False
    with open(path, "rb") as file:
        file.seek(-available, 2)
        for _, size in _chunks(file, "<"):
            available -= 8 + size + size % 2
    return available != 0  # what follows is not whole chunks


def _sound_sizes(path: Path) -> tuple[int, int]:
    """Bytes of sound by the header, and bytes of the file after that header; (0, 0) for files of other formats."""
    with open(path, "rb") as file:
        order = BYTE_ORDERS.get(file.read(12)[:4])
        large_size = 2**32 - 1
        for name, size in _chunks(file, order) if order else ():
            if name == b"ds64":  # the sizes of RF64
                large_size = int.from_bytes(file.read(16)[8:], "little")
            if name in (b"data", b"SSND"):
                return size if size < 2**32 - 1 else large_size, path.stat().st_size - file.tell()
    return 0, 0


def _chunks(file: BinaryIO, order: str) -> Iterator[tuple[bytes, int]]:
    """Name and size of each chunk; the file is then where its content begins."""
    while len(header := file.read(8)) == 8:
        name, size = struct.unpack(f"{order}4sI", header)
        content = file.tell()
        yield name, size
        file.seek(content + size + size % 2)  # chunks start at even bytes
