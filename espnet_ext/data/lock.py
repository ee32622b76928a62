"""One process at a time."""

from pathlib import Path

from filelock import FileLock


def exclusive_lock(path: Path) -> FileLock:
    """A lock file to hold in a `with` block. Other processes wait; the kernel releases it when the process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path)
