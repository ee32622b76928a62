"""A two-column file that is looked up where it lies, for a million lines in many processes."""

import codecs
import mmap
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from espnet_ext.kaldi.scp import iter_scp


class ScpIndex(Mapping[str, str]):
    """Key -> value of a sorted two-column file, by binary search in its pages, which all processes share.

    A dict of a million lines is some 300 MB, and forked data loaders copy it as they count references.

    Args:
        path: the file; it must stay as it is.

    Raises:
        UserError: see `iter_scp`.
    """

    def __init__(self, path: Path) -> None:
        for _ in iter_scp(path):  # sorted, every key once, UTF-8
            pass
        with path.open("rb") as file:
            empty = path.stat().st_size == 0
            self._content = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        ends = np.flatnonzero(np.frombuffer(self._content, dtype=np.uint8) == ord("\n")) + 1
        if len(self._content) > (ends[-1] if len(ends) else 0):
            ends = np.append(ends, len(self._content))  # no newline at the end
        first = len(codecs.BOM_UTF8) if self._content[:3] == codecs.BOM_UTF8 else 0
        # Single elements of an array are read faster than those of numpy's arrays.
        self._starts = array("q", np.concatenate([[first], ends]).astype(np.int64).tobytes())

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __iter__(self) -> Iterator[str]:
        return (self._key(number).decode() for number in range(len(self)))

    def __getitem__(self, key: str) -> str:
        wanted = key.encode()
        number = bisect_left(range(len(self)), wanted, key=self._key)
        if number == len(self) or self._key(number) != wanted:
            raise KeyError(key)
        # Of a checked line, only blanks and tabs are around key and value.
        return self._line(number).split(maxsplit=1)[1].rstrip().decode()

    def _key(self, number: int) -> bytes:
        return self._line(number).split(maxsplit=1)[0]

    def _line(self, number: int) -> bytes:
        return self._content[self._starts[number] : self._starts[number + 1]]
