"""Read Debian packages with Python only: an ar archive that contains a control and a data tar file."""

import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path, PurePosixPath

import zstandard

from espnet_ext.utils.errors import UserError

_MAGIC = b"!<arch>\n"
_HEADER_SIZE = 60
_DAMAGE = (tarfile.TarError, lzma.LZMAError, zlib.error, zstandard.ZstdError, EOFError, OSError, ValueError)


def read_version(archive: Path) -> str:
    """Return the version in the control file of a Debian package.

    Raises:
        UserError: the package is damaged or has no version.
    """
    for name, content in _regular_files(archive, "control.tar"):
        if name == "control" and (version := message_from_bytes(content)["Version"]):
            return version
    raise UserError(f"{archive}: not unpacked: no version in the control file; remove the file and run again")


def read_files(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (relative path, content) of the regular files of a Debian package; links are skipped.

    The data may be compressed with xz, gzip, bzip2 or zstd.

    Raises:
        UserError: the package is damaged, or the path of a file leaves the folder.
    """
    return _regular_files(archive, "data.tar")


def _regular_files(archive: Path, part: str) -> Iterator[tuple[str, bytes]]:
    try:
        name, content = _read_part(archive, part)
        with _open_tar(name, content) as members:
            for member in members:
                if member.isreg() and (file := members.extractfile(member)):
                    safe = tarfile.data_filter(member, str(archive.parent))
                    yield PurePosixPath(safe.name).as_posix(), file.read()
    except _DAMAGE as error:
        raise UserError(f"{archive}: not unpacked: {error}; remove the file and run again") from error


def _read_part(archive: Path, part: str) -> tuple[str, bytes]:
    """Name and bytes of the ar member whose name starts with `part`."""
    with open(archive, "rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise tarfile.ReadError("not a Debian package, or truncated")
        while header := file.read(_HEADER_SIZE):
            if not header.endswith(b"`\n"):
                raise tarfile.ReadError("damaged member header")
            name = header[:16].decode("ascii").strip().removesuffix("/")
            size = int(header[48:58])
            if name.startswith(part):
                content = file.read(size)
                if len(content) != size:
                    raise tarfile.ReadError("truncated")
                return name, content
            file.seek(size + size % 2, io.SEEK_CUR)  # members start at even offsets
    raise tarfile.ReadError(f"no {part} in it, truncated")


def _open_tar(name: str, content: bytes) -> tarfile.TarFile:
    if name.endswith(".zst"):  # Python's tarfile reads zstd from 3.14 on
        stream = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content), read_across_frames=True)
        return tarfile.open(fileobj=stream, mode="r|")
    return tarfile.open(fileobj=io.BytesIO(content), mode="r:*")
