"""Inputs of cached outputs, noted next to them, so that outputs of other inputs are not reused."""

import hashlib
import json
import os
import shutil
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from espnet_ext.utils.atomic import write_json_atomic

# Of a corpus with millions of files: all languages and tables of FLEURS, all speakers of VoxCeleb, in about a second.
MAX_LISTED = 20_000


def reset_if_changed(folder: Path, provenance: Mapping[str, Any]) -> None:
    """Empty a folder, created if absent, unless its `provenance.json` is equal to `provenance`."""
    path = folder / "provenance.json"
    if read_json(path) == provenance:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_json_atomic(path, provenance)


def read_json(path: Path) -> Any:
    """Read a file that only our own runs write; None if it is absent or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return None


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content; an OSError names the file if it is absent."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def listing_of(folder: Path, max_listed: int = MAX_LISTED) -> str:
    """Hash the names, sizes and dates of the first `max_listed` entries of a folder, breadth first.

    Changes of further entries are not detected, nor changes in a folder without read permission. An OSError names the
    folder if it is absent.
    """
    digest = hashlib.sha256()
    folders = deque([folder])
    num_listed = 0
    while folders and num_listed < max_listed:
        listed = _entries(folders.popleft())[: max_listed - num_listed]
        num_listed += len(listed)
        for entry in listed:
            is_folder = os.path.isdir(entry)
            status = entry.stat(follow_symlinks=os.path.exists(entry))  # a broken link has only its own status
            size = None if is_folder else status.st_size  # the size of a folder depends on the file system
            digest.update(repr((os.path.relpath(entry, folder), size, status.st_mtime_ns)).encode())
            if is_folder:
                folders.append(Path(entry))
    return digest.hexdigest()


def _entries(folder: Path) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except PermissionError:
        return []
