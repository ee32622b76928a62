"""Tables of corpora: rows of plain columns, without quoting and with odd characters inside."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from espnet_ext.kaldi.scp import decode_lines
from espnet_ext.utils.errors import UserError


def read_rows(path: Path, separator: str = "\t") -> Iterator[tuple[int, list[str]]]:
    """Line number and columns of every line that is not empty.

    Only a line feed ends a line and only `separator` a column: no quotes, and empty last columns stay.
    A name that ends in .gz is unpacked on the way.

    Raises:
        UserError: naming the file, if it is absent, empty or cut, and the line that is not UTF-8.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; fetch this part of the corpus")
    is_empty = True
    # Text mode would end lines at other characters too.
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        for number, line in decode_lines(_whole(file, path), path, "fetch the file again"):
            line = line.removesuffix("\r")
            if line:
                is_empty = False
                yield number, line.split(separator)
    if is_empty:
        raise UserError(f"{path}: the file is empty; fetch it again")


def _whole(file: BinaryIO, path: Path) -> Iterator[bytes]:
    try:
        yield from file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: cannot be unpacked to its end ({error}); fetch the file again") from error


def plain_text(text: str) -> str:
    """Text on one line, words separated by one space whatever Unicode spaces were between them."""
    return " ".join(text.split())
