"""Names of the archives of targets: each holds a hash of what is in it, so that a scp file tells one from another."""

import hashlib
from collections.abc import Collection
from pathlib import Path

DIGEST_DIGITS = 16


def archive_of(folder: Path, name: str, content: bytes) -> Path:
    """`<folder>/<name>.<hash>.ark` of all that an archive's bytes follow from."""
    return folder / f"{name}.{hashlib.sha256(content).hexdigest()[:DIGEST_DIGITS]}.ark"


def remove_stale_archives(folder: Path, name: str, current: Collection[str]) -> None:
    """Remove a name's archives of anything else than now, and what killed processes left half-written.

    Args:
        current: paths of those that stay.
    """
    # Not those of `name`.<language>.
    archives = f"{name}.{'[0-9a-f]' * DIGEST_DIGITS}.ark"
    for pattern in (archives, f".tmp-*-{archives}"):
        for ark in folder.glob(pattern):
            if str(ark) not in current:
                ark.unlink()
