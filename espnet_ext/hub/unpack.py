"""Unpack wheels so that no member is written outside the folder."""

import zipfile
import zlib
from pathlib import Path, PurePosixPath

from espnet_ext.utils.errors import UserError


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
