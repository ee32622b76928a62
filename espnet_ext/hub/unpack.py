"""Unpack Debian packages and wheels so that no member can land outside the folder."""

import shutil
import subprocess
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from espnet_ext.errors import UserError


def unpack_debian(archive: Path, folder: Path) -> None:
    """Unpack the files of a Debian package into the existing `folder`; its scripts are not run.

    Raises:
        UserError: no dpkg-deb here, a damaged package, or a member that would leave the folder.
    """
    if shutil.which("dpkg-deb") is None:
        raise UserError(f"{archive}: dpkg-deb is missing; install the package dpkg")
    command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as members:
                members.extractall(folder, filter=_plain_member)
            # dpkg-deb would wait for ever on padding nobody reads.
            process.stdout.read()
        except (tarfile.TarError, EOFError) as error:
            process.kill()
            raise UserError(f"{archive}: not unpacked: {error}; remove the file and run again") from error
        complaint = process.stderr.read().decode(errors="replace").strip()
    if process.returncode != 0:
        raise UserError(f"{archive}: not unpacked: {complaint}; remove the file and run again")


def _plain_member(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    """Python's `data` filter; links out of the folder, common in packages, are left out."""
    try:
        return tarfile.data_filter(member, folder)
    except (tarfile.AbsoluteLinkError, tarfile.LinkOutsideDestinationError):
        return None


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
