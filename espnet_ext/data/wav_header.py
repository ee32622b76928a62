"""Whether a WAV file is shorter than its header says; libsndfile decodes such files without a word."""

import struct
from pathlib import Path

# Sizes that programs write when they cannot go back to fill in the real one.
_UNKNOWN_SIZES = (0, 0x7FFFFFFF, 0xFFFFFFFF)


def missing_bytes(path: Path) -> int:
    """Bytes of sound that a RIFF file's header promises and the file lacks; 0 for other files."""
    file_size = path.stat().st_size
    with open(path, "rb") as file:
        if file.read(12)[:4] != b"RIFF":
            return 0
        while len(header := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", header)
            if name == b"data":
                return 0 if size in _UNKNOWN_SIZES else max(file.tell() + size - file_size, 0)
            file.seek(size + size % 2, 1)  # chunks start at even bytes
    return 0
