"""Tables and folders of corpora: rows of plain columns with odd characters, and names in any case."""

import csv
import gzip
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from espnet_ext.audio.files import is_visible
from espnet_ext.kaldi.scp import decode_lines
from espnet_ext.utils.errors import UserError


def read_rows(path: Path, separator: str = "\t") -> Iterator[tuple[int, list[str]]]:
    """Line number and columns of every line that is not empty.

    Only a line feed ends a line and only `separator` a column: no quotes, and empty last columns are kept.
    A file whose name ends in .gz is decompressed.

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


def _whole(file: Iterable[bytes], path: Path) -> Iterator[bytes]:
    try:
        yield from file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: cannot be unpacked to its end ({error}); fetch the file again") from error


def read_table(
    path: Path, separator: str, required: Sequence[str], *, quoted: bool = False, may_be_short: bool = False
) -> Iterator[tuple[str, dict[str, str]]]:
    """Read a table with a header, one record per line.

    Args:
        required: names of columns; there may be others, in any order.
        quoted: fields may be quoted. Texts also contain quotation marks that are not quoting: a line is read as
            quoted only if it is well-formed and has the header's number of fields then.
        may_be_short: rows may end before the last columns, which are empty then.

    Yields:
        `file:line`, and column -> value.

    Raises:
        UserError: as `read_rows`; or naming an absent column, or a line with another number of fields.
    """
    rows = read_rows(path, separator)
    first, header = next(rows)
    if quoted:
        header = _unquoted(header, separator, len(header))
    if missing := [column for column in required if column not in header]:
        raise UserError(f"{path}:{first}: no column {', '.join(missing)} in {', '.join(header)}; fetch the file again")
    for number, fields in rows:
        if quoted:
            fields = _unquoted(fields, separator, len(header))
        if may_be_short:
            fields = (fields + [""] * len(header))[: len(header)]
        if len(fields) != len(header):
            raise UserError(f"{path}:{number}: {len(fields)} fields, expected {len(header)}; fetch the file again")
        yield f"{path}:{number}", dict(zip(header, fields, strict=True))


def _unquoted(plain: list[str], separator: str, width: int) -> list[str]:
    line = separator.join(plain)
    if '"' in line:
        try:
            quoted = next(csv.reader([line], delimiter=separator, strict=True))
        except csv.Error:
            return plain
        if len(quoted) == width:
            return quoted
    return plain


def plain_text(text: str) -> str:
    """Text on one line, with words separated by one space instead of any Unicode spaces."""
    return " ".join(text.split())


def check_codes(path: Path, codes: Mapping[str, tuple[str, Collection[str]]]) -> None:
    """Refuse (UserError) a file whose name contains an unknown code.

    Args:
        codes: what a code stands for (`emotion`) -> the code in the name, and the known codes.
    """
    for what, (code, known) in codes.items():
        if code not in known:
            raise UserError(f"{path}: {what} {code!r} is none of {', '.join(known)}; correct the name")


def find_child(folder: Path, name: str) -> Path:
    """The entry `name` of a folder, or one that differs from it only in case; `folder / name` if there is none."""
    exact = folder / name
    if exact.exists() or not folder.is_dir():
        return exact
    alike = sorted(path for path in folder.iterdir() if path.name.lower() == name.lower())
    return alike[0] if alike else exact


def visible_files(folder: Path, suffix: str) -> list[Path]:
    """Files of a folder that end in `suffix`, in any case, sorted, without hidden ones."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == suffix and is_visible(path.name))
