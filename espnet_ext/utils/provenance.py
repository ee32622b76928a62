"""What outputs were made from, so that leftovers of anything else are not taken for them."""

import hashlib
import json
import os
import shutil
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from espnet_ext.utils.atomic import write_json_atomic

# Of a corpus's millions: every language and table of FLEURS, every speaker of VoxCeleb, in about a second.
MAX_LISTED = 20_000


def reset_if_changed(folder: Path, origin: Mapping[str, Any]) -> None:
    """Empty a folder, made where it is absent, unless its `provenance.json` says that it is of this origin."""
    path = folder / "provenance.json"
    if read_json(path) == origin:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_json_atomic(path, origin)


def read_json(path: Path) -> Any:
    """Content of a file that only our own runs write; None if it is absent or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return None


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file's content; an OSError names the file if it is absent."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def listing_of(folder: Path, max_listed: int = MAX_LISTED) -> str:
    """Hash of the names, sizes and dates of what is in a folder, from the top down as far as `max_listed`.

    A change further down is not seen, nor one in a folder that may not be read. An OSError names the folder if it
    is absent.
    """
    digest = hashlib.sha256()
    folders = deque([folder])
    num_listed = 0
    while folders and num_listed < max_listed:
        listed = _entries(folders.popleft())[: max_listed - num_listed]
        num_listed += len(listed)
        for entry in listed:
            is_folder = os.path.isdir(entry)
            # Of a link that leads nowhere, its own.
            status = entry.stat(follow_symlinks=os.path.exists(entry))
            # The size of a folder is the file system's own affair.
            size = None if is_folder else status.st_size
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
