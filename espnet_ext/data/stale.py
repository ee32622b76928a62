"""Remove what an earlier or killed run left in a folder of intermediate files."""

import shutil
from collections.abc import Collection
from pathlib import Path


def remove_others(folder: Path, keep: Collection[Path]) -> None:
    """Remove everything in `folder` but `keep`; half-written temporary files go too.

    Only for folders that one run at a time writes to.
    """
    for path in folder.iterdir() if folder.is_dir() else ():
        if path not in keep:
            _remove(path)


def remove_temporary(folder: Path) -> None:
    """Remove what a killed run had not finished under the names of `data.atomic`."""
    for path in folder.glob(".tmp-*"):
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
