"""VoxPopuli's tables: annotations (`|` or tab, quoted where needed, gzip) and manifests (tab, never quoted)."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from espnet_ext.data.corpora.tables import read_rows
from espnet_ext.utils.errors import UserError


def read_table(path: Path, separator: str, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Read a table with a header, a record a line.

    Texts hold quotation marks that are no quoting: only a line that is well-formed with its quotes taken
    as such, and has the header's number of fields then, is read that way.

    Args:
        columns: that must be there; there may be others, in any order.

    Yields:
        `file:line`, and column -> value.

    Raises:
        UserError: as `read_rows`; or naming the column that is absent, the line of another number of fields.
    """
    rows = read_rows(path, separator)
    _, header = next(rows)
    if missing := [column for column in columns if column not in header]:
        raise UserError(f"{path}: no column {missing[0]!r}, only {', '.join(header)}; not the table it is named as")
    for number, plain in rows:
        fields = _unquoted(plain, separator, len(header))
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
