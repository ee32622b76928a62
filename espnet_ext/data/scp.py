"""Kaldi's two-column files: UTF-8 lines of `key value`, sorted by key."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from espnet_ext.data.atomic import atomic_path
from espnet_ext.errors import UserError


def read_scp(path: str | Path) -> dict[str, str]:
    """Read a two-column file: key -> the rest of its line (which may hold spaces).

    Raises:
        UserError: see `iter_scp`.
    """
    return dict(iter_scp(path))


def iter_scp(path: str | Path) -> Iterator[tuple[str, str]]:
    """Key and value of every line of a two-column file, without holding it in memory.

    Raises:
        UserError: naming file and line, if a line is not UTF-8, has no value, repeats a key or
            is not in C-locale order of keys; naming the file, if it is absent.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; run the stage that makes it")
    previous = ""
    with open(path, "rb") as file:  # decoded by line, so that an error can name its line
        for number, raw in enumerate(file, 1):
            key, value = _split_line(raw, path, number)
            if key <= previous:  # code point order equals byte order in UTF-8
                twice = key == previous
                reason = "listed twice; remove one of the lines" if twice else "out of order; sort with LC_ALL=C"
                raise UserError(f"{path}:{number}: {key!r} is {reason}")
            yield key, value
            previous = key


def _split_line(raw: bytes, path: Path, number: int) -> tuple[str, str]:
    try:
        line = raw.decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}:{number}: not UTF-8 ({error.reason}); convert the file") from error
    key, _, value = line.partition(" ")
    if not key or not value.strip() or value.endswith("\r"):
        raise UserError(f"{path}:{number}: expected `key value`, found {line!r}")
    return key, value


def write_scp(path: str | Path, mapping: Mapping[str, object]) -> None:
    """Write a two-column file sorted by key, whole or not at all.

    Raises:
        UserError: if a key holds white space, or a value is empty, spans lines or is the name of a file in no UTF-8.
    """
    # Line by line: a million of them are hundreds of megabytes.
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        for key in sorted(mapping):
            value = str(mapping[key])
            if len(key.split()) != 1 or not value.strip() or "\n" in value or "\r" in value:
                raise UserError(f"{path}: cannot write {key!r} with the value {value!r} as one line")
            try:
                file.write(f"{key} {value}\n")
            except UnicodeEncodeError as error:
                raise UserError(f"{path}: cannot write {key!r} with {value!r}, which is no UTF-8; rename it") from error
