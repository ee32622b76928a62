"""Kaldi's two-column files: UTF-8 lines of `key value`, sorted by key."""

import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path

from espnet_ext.kaldi.scp import BYTE_ORDER_MARK, read_lines, split_fields
from espnet_ext.utils.atomic import atomic_path
from espnet_ext.utils.errors import UserError

# White space, control characters and the byte order mark: a label that ends in one looks like another label.
INVISIBLE = "".join(c for c in map(chr, range(0x3001)) if c.isspace() or unicodedata.category(c) == "Cc")
INVISIBLE += BYTE_ORDER_MARK


def read_scp(path: str | Path) -> dict[str, str]:
    """Read a two-column file: key -> the rest of its line (which may hold spaces).

    Raises:
        UserError: see `iter_scp`.
    """
    return dict(iter_scp(path))


def iter_scp(path: str | Path) -> Iterator[tuple[str, str]]:
    """Key and value of every line of a two-column file, without holding the file in memory.

    Blanks and tabs around key and value do not count.

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
            twice = key == previous
            reason = "listed twice; remove one of the lines" if twice else "out of order; sort with LC_ALL=C"
            raise UserError(f"{path}:{number}: {key!r} is {reason}")
        yield key, value
        previous = key


def split_line(line: str) -> tuple[str, str]:
    """Split a line into key and value.

    Raises:
        ValueError: the line has no value, or an invisible character in the key or at an end of the value.
    """
    if line.isascii() and line.isprintable():  # as nearly every line; the other branch takes longer
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
        UserError: if a key or value would not be read back as it is, or is the name of a file that is not UTF-8.
    """
    # Line by line: a million of them are hundreds of megabytes.
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
    """Whether `split_line` returns key and value as they are."""
    line = f"{key} {value}"
    try:
        return "\n" not in line and split_line(line) == (key, value)
    except ValueError:
        return False
