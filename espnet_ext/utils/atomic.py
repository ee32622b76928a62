"""Outputs that are there whole or not at all: a temporary name, then a rename.

A process locks what it writes under a temporary name: what is not locked is a leftover of a killed process.
"""

import fcntl
import glob
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from espnet_ext.utils.cleanup import remove, remove_temporary
from espnet_ext.utils.errors import UserError

# More than the rest of a page, which a full disk still has room for.
PROBE_BYTES = 1 << 20


def _sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _plain_mode(is_folder: bool) -> int:
    """The mode an ordinary open() or mkdir() would give; tempfile's own is private to the user."""
    mask = os.umask(0)
    os.umask(mask)
    return (0o777 if is_folder else 0o666) & ~mask


@contextmanager
def _temporary(path: Path, *, is_folder: bool) -> Iterator[Path]:
    """A locked temporary file or folder next to `path`, whose parents are created; removed at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_temporary(path.parent, f"{'?' * 8}-{glob.escape(path.name)}")
    names = {"prefix": ".tmp-", "suffix": f"-{path.name}", "dir": path.parent}
    while True:
        if is_folder:
            temporary = Path(tempfile.mkdtemp(**names))
            descriptor = os.open(temporary, os.O_RDONLY)
        else:
            descriptor, name = tempfile.mkstemp(**names)
            temporary = Path(name)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Another process may have removed it as a leftover before it was locked.
        if temporary.exists():
            break
        os.close(descriptor)
    try:
        yield temporary
    except BaseException as error:
        _raise_with_name(error, _system_error(error, temporary), path)
    finally:
        remove(temporary)
        os.close(descriptor)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Write a file under a temporary name beside `path`, and rename it there on success.

    Yields the temporary path: an empty file in the same folder (made when absent) that ends in
    the suffixes of `path`, for writers that go by them. An error removes it and leaves an
    older `path` as it was.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    with _temporary(path, is_folder=False) as temporary:
        yield temporary
        temporary.chmod(_plain_mode(is_folder=False))
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Fill a folder under a temporary name beside `path`, and rename it there on success.

    Yields the temporary folder. An older `path` is replaced; an error leaves it as it was.
    Files inside are flushed by the rename of the whole, not one by one.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    with _temporary(path, is_folder=True) as temporary:
        yield temporary
        temporary.chmod(_plain_mode(is_folder=True))
        if path.exists():
            # rename() cannot replace a folder that is not empty.
            shutil.rmtree(path)
        temporary.replace(path)
        _sync(path.parent)


def _system_error(error: BaseException, temporary: Path) -> OSError | None:
    """The system's error behind that of a writer.

    numpy, safetensors, FAISS and libsndfile report a full disk without the system's error number: it is what a
    further write to their file (the largest one of a folder) fails with.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error
    if not isinstance(error, Exception) or isinstance(error, UserError):
        return None
    files = [path for path in (temporary, *temporary.rglob("*")) if path.is_file()]
    largest = max(files, key=lambda path: path.stat().st_size, default=temporary / "more")
    try:
        with largest.open("ab") as stream:
            stream.write(bytes(PROBE_BYTES))
    except OSError as reason:
        return reason
    return None


def _raise_with_name(error: BaseException, reason: OSError | None, path: Path) -> NoReturn:
    """Raise what ended a write; a write to an open file fails without a name (disk full), so `path` is added."""
    if reason is not None and reason is not error:
        raise OSError(reason.errno, reason.strerror, str(path)) from error
    if isinstance(error, OSError) and error.errno is not None and error.filename is None:
        error.filename = str(path)
    raise error


def write_text_atomic(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        # newline="" keeps the bytes the same on every platform.
        temporary.write_text(text, encoding="utf-8", newline="")


def write_json_atomic(path: str | Path, obj: Any) -> None:
    """Write `obj` as indented JSON, whole or not at all; NaN is refused (ValueError)."""
    write_text_atomic(path, json.dumps(obj, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
