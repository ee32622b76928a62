"""Remove what an earlier or killed run left in a folder of intermediate files."""

import fcntl
import os
import shutil
from collections.abc import Collection
from pathlib import Path


def remove_others(folder: Path, keep: Collection[Path]) -> None:
    """Remove everything in `folder` but `keep`, half-written temporary files included.

    Only for folders that one run at a time writes to.
    """
    for path in folder.iterdir() if folder.is_dir() else ():
        if path not in keep:
            remove(path)


def remove_temporary(folder: Path, pattern: str = "*") -> None:
    """Remove what killed processes left in a folder under the temporary names of `utils.atomic`.

    What a running process writes is locked and stays.

    Args:
        folder: may be absent.
        pattern: of the names after `.tmp-`.
    """
    for path in folder.glob(f".tmp-{pattern}"):
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:  # renamed meanwhile, or private to another user
            continue
        try:
            # The kernel frees a lock when its process dies.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        else:
            remove(path)
        finally:
            os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder; nothing happens if it is absent."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
