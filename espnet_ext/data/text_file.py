"""Text files that people edit: UTF-8, one record a line."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from espnet_ext.errors import UserError

_BLANKS = re.compile("[ \t]+")
BYTE_ORDER_MARK = "\ufeff"


def read_lines(path: Path, fix: str = "convert it to UTF-8") -> Iterator[tuple[int, str]]:
    """Read a text file line by line, without holding it in memory; see `decode_lines`."""
    with path.open("rb") as file:
        yield from decode_lines(file, path, fix)


def decode_lines(lines: Iterable[bytes], path: Path, fix: str) -> Iterator[tuple[int, str]]:
    """Decode lines, each with its number from 1 and without its line feed, which alone ends a line.

    A byte order mark, which editors on Windows write, is not part of the first line.

    Args:
        lines: content of the file.
        path: the file.
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
    """Split a line at blanks and tabs, as Kaldi does; those at its ends do not count.

    Args:
        max_fields: the last of them is the rest of the line, with its blanks; 0 = no limit.
    """
    return _BLANKS.split(line.strip(" \t"), max(0, max_fields - 1))
