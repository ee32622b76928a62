"""Files and folders whose names changed their case on the way to this disk."""

from pathlib import Path

from espnet_ext.audio.files import is_visible


def child(folder: Path, name: str) -> Path:
    """The entry `name` of a folder, or one that differs from it in case only; `folder / name` if there is none."""
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
