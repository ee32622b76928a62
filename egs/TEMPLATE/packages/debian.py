"""Debian packages in the cache: downloaded in any version, accepted by the content of the used files.

    archives/<name>_<version>.deb         as downloaded, or put there by hand
    debian/<name>/<sha12>/                the used files, with the sha256 that is in <sha12>, and package.json
    differing/<name>.tsv                  files of a rejected package that differ from its manifest
    apt/                                  private package lists, made when the machine's do not suffice

Several processes may use the cache at once.
"""

import fnmatch
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from espnet_ext.utils.atomic import atomic_folder, exclusive_lock, write_json_atomic, write_text_atomic
from espnet_ext.utils.errors import UserError
from packages.apt import download_with_apt
from packages.debian_archive import read_files, read_version
from packages.debian_mirror import download_from_mirror, find_archives
from packages.manifest import MANIFESTS, manifest_sha256, read_manifest, select_files
from packages.pinned import DebianPackage

_USE_MIRROR = "use --debian_mirror with the address of a Debian mirror or a folder of .deb files"
CATALOGUE_FILES = tuple(f"*/{language}/LC_MESSAGES/*.mo" for language in ("es", "fr", "it", "ru"))


class UnpackedPackage(NamedTuple):
    """The used files of a package in `root`; `sha256` is computed by `manifest.manifest_sha256`."""

    root: Path
    version: str
    sha256: str


class DebianPackages(NamedTuple):
    """Packages by name.

    Attributes:
        unpacked: the packages in the cache.
        absent: optional packages that could not be fetched -> reason.
    """

    unpacked: dict[str, UnpackedPackage]
    absent: dict[str, str]

    @property
    def roots(self) -> dict[str, Path]:
        """Package -> folder of its files."""
        return {name: package.root for name, package in self.unpacked.items()}


def fetch_debian(packages: Sequence[DebianPackage], cache: str | Path, mirror: str | None = None) -> DebianPackages:
    """Return the packages; packages that are not in the cache are downloaded.

    Args:
        mirror: address or folder (see `download_from_mirror`), default $ESPNET_EXT_DEBIAN_MIRROR; without one, apt-get
            is used.

    Raises:
        UserError: a package that is not optional cannot be fetched or has changed files, or an archive is damaged.
    """
    cache = Path(cache)
    fetched = DebianPackages({}, {})
    with exclusive_lock(cache / "lock"):
        for package in packages:
            if (folder := _unpacked_folder(package, cache)) is not None:
                fetched.unpacked[package.name] = _read_unpacked(folder)
        missing = [package for package in packages if package.name not in fetched.unpacked]
        archives = find_archives(cache / "archives", [package.name for package in missing])
        for package in missing:
            if package.name in archives:
                _unpack(package, archives[package.name], cache, fetched)
        missing = [package for package in missing if package.name not in archives]
        if missing:
            _download(missing, cache, mirror or os.environ.get("ESPNET_EXT_DEBIAN_MIRROR"), fetched)
    return fetched


def _download(packages: Sequence[DebianPackage], cache: Path, mirror: str | None, fetched: DebianPackages) -> None:
    names = [package.name for package in packages]
    print(
        f"downloading {len(names)} Debian packages {'from --debian_mirror' if mirror else 'with apt-get'}", flush=True
    )
    archives = cache / "archives"
    archives.mkdir(exist_ok=True)
    # In the folder of the archives, so that the last step is a rename on one file system.
    with tempfile.TemporaryDirectory(prefix=".tmp-", dir=archives) as name:
        folder = Path(name).resolve()
        try:
            if mirror:
                files, reasons = download_from_mirror(names, mirror, folder)
            else:
                files, reasons = download_with_apt(names, folder, (cache / "apt").resolve())
        except UserError as error:
            if mirror and not all(package.optional for package in packages):
                raise
            files, reasons = {}, dict.fromkeys(names, str(error))
        _check_required(
            packages, reasons, "check --debian_mirror" if mirror else f"check the network, or {_USE_MIRROR}"
        )
        fetched.absent.update(reasons)
        for package in packages:
            if package.name in files:
                archive = files[package.name]
                _unpack(package, archive, cache, fetched)
                archive.replace(archives / archive.name)


def _check_required(packages: Sequence[DebianPackage], reasons: Mapping[str, str], advice: str) -> None:
    lacking = [package.name for package in packages if package.name in reasons and not package.optional]
    if lacking:
        more = f" and {len(lacking) - 1} more packages" if len(lacking) > 1 else ""
        raise UserError(f"Debian's {lacking[0]}{more} cannot be fetched: {reasons[lacking[0]]}; {advice}")


def _unpack(package: DebianPackage, archive: Path, cache: Path, fetched: DebianPackages) -> None:
    """Write the used files of an archive to the cache; an optional package without any is absent."""
    version = read_version(archive)
    if package.optional:
        contents = {
            path: content
            for path, content in read_files(archive)
            if any(fnmatch.fnmatchcase(path, pattern) for pattern in CATALOGUE_FILES)
        }
    else:
        contents = _known_files(package, archive, version, cache)
    if not contents:
        fetched.absent[package.name] = f"version {version} has no catalogs"
        return
    sha256 = manifest_sha256(contents)
    target = cache / "debian" / package.name / sha256[:12]
    with atomic_folder(target) as temporary:
        for path, content in contents.items():
            (temporary / path).parent.mkdir(parents=True, exist_ok=True)
            (temporary / path).write_bytes(content)
        write_json_atomic(temporary / "package.json", {"version": version, "sha256": sha256})
    fetched.unpacked[package.name] = UnpackedPackage(target, version, sha256)


def _known_files(package: DebianPackage, archive: Path, version: str, cache: Path) -> dict[str, bytes]:
    """The files of a package's manifest; UserError if some have another content."""
    manifest = read_manifest(MANIFESTS / f"{package.name}.txt")
    used = select_files(read_files(archive), manifest)
    if not used.differing and manifest_sha256(used.contents) == package.sha256:
        return used.contents
    table = cache / "differing" / f"{package.name}.tsv"
    write_text_atomic(table, "".join(f"{reason}\t{path}\n" for path, reason in used.differing.items()))
    where = f"remove {archive}, or use" if archive.parent == cache / "archives" else "use"
    raise UserError(
        f"{package.name} {version}: {len(used.differing)} of {len(manifest)} used files differ from the manifest "
        f"(listed in {table}); {where} --debian_mirror with the address of a Debian release that has these files "
        "(.../dists/bookworm or .../dists/trixie)"
    )


def _unpacked_folder(package: DebianPackage, cache: Path) -> Path | None:
    """The folder with the pinned content, or of an optional package with any content."""
    parent = cache / "debian" / package.name
    pinned = parent / package.sha256[:12]
    if pinned.is_dir():
        return pinned
    others = sorted(parent.glob("[0-9a-f]*")) if package.optional else []
    return others[0] if others else None


def _read_unpacked(folder: Path) -> UnpackedPackage:
    record = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    return UnpackedPackage(folder, record["version"], record["sha256"])
