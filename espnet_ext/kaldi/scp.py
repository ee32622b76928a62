"""Text files that people edit, and Kaldi's two-column files: UTF-8 lines of `key value`, sorted by key.

`ScpIndex` finds the lines of a large file without keeping them in memory.
"""

import codecs
import mmap
import re
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from espnet_ext.utils.atomic import atomic_path
from espnet_ext.utils.errors import UserError

BYTE_ORDER_MARK = "\ufeff"
_BLANKS = re.compile("[ \t]+")
# White space, control characters and the byte order mark: a label that ends in one looks like another label.
INVISIBLE = "".join(c for c in map(chr, range(0x3001)) if c.isspace() or unicodedata.category(c) == "Cc")
INVISIBLE += BYTE_ORDER_MARK


def read_lines(path: Path, fix: str = "convert it to UTF-8") -> Iterator[tuple[int, str]]:
    """Read a text file line by line, without holding it in memory; see `decode_lines`."""
    with path.open("rb") as file:
        yield from decode_lines(file, path, fix)


def decode_lines(lines: Iterable[bytes], path: Path, fix: str) -> Iterator[tuple[int, str]]:
    """Decode lines and number them from 1. Only a line feed ends a line; it is removed.

    A byte order mark, written by editors on Windows, is not part of the first line.

    Args:
        lines: content of the file.
        path: the file, for the error.
        fix: how to fix a line that is not UTF-8, for the error.

    Raises:
        UserError: naming file and line, if a line is not UTF-8.
    """
    for number, raw in enumerate(lines, 1):
        try:
            line = raw.decode("utf-8").removesuffix("\n")
        except UnicodeDecodeError as error:
            raise UserError(f"{path}:{number}: not UTF-8 ({error.reason}); {fix}") from error
        yield number, line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line


def split_fields(line: str, max_fields: int = 0) -> list[str]:
    """Split a line at blanks and tabs, as Kaldi does, ignoring those at its ends.

    Args:
        max_fields: the last of them is the rest of the line, with its blanks; 0 = no limit.
    """
    return _BLANKS.split(line.strip(" \t"), max(0, max_fields - 1))


def read_scp(path: str | Path) -> dict[str, str]:
    """Read a two-column file: key -> the rest of its line (which may contain spaces).

    Raises:
        UserError: see `iter_scp`.
    """
    return dict(iter_scp(path))


def iter_scp(path: str | Path) -> Iterator[tuple[str, str]]:
    """Iterate over key and value of a two-column file, without holding the file in memory.

    Blanks and tabs around key and value are ignored.

    Raises:
        UserError: naming file and line, if a line is not UTF-8, has no value, has another invisible character in
            the key or at an end of the value, repeats a key or is not in C-locale order of keys; naming the
            file, if it is absent.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; run the stage that makes it")
    previous = ""
    for number, line in read_lines(path):
        try:
            key, value = split_line(line)
        except ValueError as error:
            raise UserError(f"{path}:{number}: {error}") from None
        if key <= previous:  # code point order equals byte order in UTF-8
            is_repeated = key == previous
            reason = "listed twice; remove one of the lines" if is_repeated else "out of order; sort with LC_ALL=C"
            raise UserError(f"{path}:{number}: {key!r} is {reason}")
        yield key, value
        previous = key


def split_line(line: str) -> tuple[str, str]:
    """Split a line into key and value.

    Raises:
        ValueError: the line has no value, or an invisible character in the key or at an end of the value.
    """
    if line.isascii() and line.isprintable():  # nearly every line; the other branch is slower
        fields = line.strip().split(maxsplit=1)
    else:
        fields = split_fields(line, 2)
        for character in fields[0] + "".join(value[0] + value[-1] for value in fields[1:]):
            if character in INVISIBLE:
                name = "carriage return" if character == "\r" else unicodedata.name(character, "control character")
                raise ValueError(f"U+{ord(character):04X} ({name}) in {line!r}; remove it, or write a blank")
    if len(fields) < 2:
        raise ValueError(f"expected `key value`, found {line!r}")
    return fields[0], fields[1]


def write_scp(path: str | Path, mapping: Mapping[str, object]) -> None:
    """Write a two-column file sorted by key, whole or not at all.

    Raises:
        UserError: if a key or value would not be read back unchanged, or is the name of a file that is not UTF-8.
    """
    # Written line by line: a million lines in memory are hundreds of megabytes.
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        for key in sorted(mapping):
            value = str(mapping[key])
            if not _is_readable(key, value):
                raise UserError(f"{path}: cannot write {key!r} with the value {value!r} as one line; rename it")
            try:
                file.write(f"{key} {value}\n")
            except UnicodeEncodeError as error:
                raise UserError(f"{path}: cannot write {key!r} with {value!r}, not UTF-8; rename it") from error


def _is_readable(key: str, value: str) -> bool:
    """Whether `split_line` returns key and value unchanged."""
    line = f"{key} {value}"
    try:
        return "\n" not in line and split_line(line) == (key, value)
    except ValueError:
        return False


class ScpIndex(Mapping[str, str]):
    """Key -> value of a sorted two-column file, by binary search in its pages, which all processes share.

    A dict of a million lines takes about 300 MB, and reference counting copies it in each forked data loader.

    Args:
        path: the file; it must not change.

    Raises:
        UserError: see `iter_scp`.
    """

    def __init__(self, path: Path) -> None:
        import numpy as np  # commands that read scp files line by line start without it

        for _ in iter_scp(path):  # checks that keys are sorted and unique, and UTF-8
            pass
        with path.open("rb") as file:
            is_empty = path.stat().st_size == 0
            self._content = b"" if is_empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        ends = np.flatnonzero(np.frombuffer(self._content, dtype=np.uint8) == ord("\n")) + 1
        if len(self._content) > (ends[-1] if len(ends) else 0):
            ends = np.append(ends, len(self._content))  # no newline at the end
        first = len(codecs.BOM_UTF8) if self._content[:3] == codecs.BOM_UTF8 else 0
        # Reading one element of an array is faster than of a numpy array.
        self._starts = array("q", np.concatenate([[first], ends]).astype(np.int64).tobytes())

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __iter__(self) -> Iterator[str]:
        return (self._key(number).decode() for number in range(len(self)))

    def __getitem__(self, key: str) -> str:
        encoded = key.encode()
        number = bisect_left(range(len(self)), encoded, key=self._key)
        if number == len(self) or self._key(number) != encoded:
            raise KeyError(key)
        # In a checked line, only blanks and tabs are around key and value.
        return self._line(number).split(maxsplit=1)[1].rstrip().decode()

    def _key(self, number: int) -> bytes:
        return self._line(number).split(maxsplit=1)[0]

    def _line(self, number: int) -> bytes:
        return self._content[self._starts[number] : self._starts[number + 1]]
