"""Files and folders that exist whole or not at all: written under a temporary name, then renamed.

The writing process holds a lock on the temporary file. Unlocked temporary files are left from killed processes.
"""

import fcntl
import glob
import json
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, NoReturn

from filelock import FileLock

from espnet_ext.utils.errors import UserError

# Larger than the rest of a page, which a full disk can still store.
PROBE_BYTES = 1 << 20


def atomic_path(path: str | Path) -> AbstractContextManager[Path]:
    """Write a file under a temporary name next to `path` and rename it on success.

    Yields the temporary path: an empty file in the same folder (created if absent) with the suffixes of `path`, for
    writers that choose a format by suffix. After an error it is removed, and an older `path` is unchanged.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    return _written_atomically(Path(path), is_folder=False)


def atomic_folder(path: str | Path) -> AbstractContextManager[Path]:
    """Fill a folder under a temporary name next to `path` and rename it on success.

    Yields the temporary folder. An older `path` is replaced; after an error it is unchanged. Only the rename is
    flushed to the disk, not each file.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    return _written_atomically(Path(path), is_folder=True)


@contextmanager
def _written_atomically(path: Path, *, is_folder: bool) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_temporary(path.parent, f"{'?' * 8}-{glob.escape(path.name)}")
    temporary, descriptor = _create_locked(path, is_folder)
    try:
        yield temporary
        if not is_folder:
            _sync(temporary)
        elif path.exists():
            shutil.rmtree(path)  # rename() cannot replace a folder that is not empty
        temporary.replace(path)
        _sync(path.parent)
    except BaseException as error:
        _raise_with_name(error, _system_error(error, temporary), path)
    finally:
        remove(temporary)
        os.close(descriptor)


def _create_locked(path: Path, is_folder: bool) -> tuple[Path, int]:
    """Create a temporary file or folder next to `path`; returns its path and a descriptor that holds the lock."""
    while True:
        temporary = path.with_name(f".tmp-{token_hex(4)}-{path.name}")
        if is_folder:
            temporary.mkdir()
        descriptor = os.open(temporary, os.O_RDONLY if is_folder else os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Another process may have removed it before it was locked.
        if temporary.exists():
            return temporary, descriptor
        os.close(descriptor)


def _sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _system_error(error: BaseException, temporary: Path) -> OSError | None:
    """Find the system error that caused the error of a writer.

    numpy, safetensors, FAISS and libsndfile report a full disk without its error number. A further write to their
    file (the largest file of a folder) fails with that number.
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
    """Raise the error that ended a write. A write to an open file (disk full) raises without a name: add `path`."""
    if reason is not None and reason is not error:
        raise OSError(reason.errno, reason.strerror, str(path)) from error
    if isinstance(error, OSError) and error.errno is not None and error.filename is None:
        error.filename = str(path)
    raise error


def write_text_atomic(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        # newline="" writes the same bytes on every platform.
        temporary.write_text(text, encoding="utf-8", newline="")


def write_json_atomic(path: str | Path, obj: Any) -> None:
    """Write `obj` as indented JSON, whole or not at all; NaN raises ValueError."""
    write_text_atomic(path, json.dumps(obj, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def exclusive_lock(path: Path) -> FileLock:
    """Lock file for a `with` block. Other processes wait; the kernel releases it when the process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path)


def remove_others(folder: Path, keep: Collection[Path]) -> None:
    """Remove everything in `folder` except `keep`, temporary files included.

    Only for folders that one run at a time writes to.
    """
    for path in folder.iterdir() if folder.is_dir() else ():
        if path not in keep:
            remove(path)


def remove_temporary(folder: Path, pattern: str = "*") -> None:
    """Remove the temporary files (see `utils.atomic`) of killed processes; those of running processes are locked.

    Args:
        folder: may be absent.
        pattern: glob pattern of the names after `.tmp-`.
    """
    for path in folder.glob(f".tmp-{pattern}"):
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:  # renamed in the meantime, or private to another user
            continue
        try:
            # The kernel releases a lock when its process dies.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        else:
            remove(path)
        finally:
            os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
