"""The audio of one language and split of FLEURS: in an archive, or already unpacked."""

import gzip
import hashlib
import json
import os
import shutil
import tarfile
import zlib
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from espnet_ext.audio.files import is_visible
from espnet_ext.utils.atomic import atomic_folder, remove_temporary, write_json_atomic
from espnet_ext.utils.errors import UserError

INDEX = "index.json"  # of an unpacked folder: identifies the archive


class SplitAudio(NamedTuple):
    """Audio of a split: listed file name -> file, and the names of files that the table does not list."""

    files: dict[str, Path]
    unlisted: list[str]


def find_audio(language_folder: Path, split_names: Collection[str]) -> Path | None:
    """The unpacked folder of a split, else its archive, else None."""
    for name in split_names:
        for path in (language_folder / "audio" / name, language_folder / "audio" / f"{name}.tar.gz"):
            if path.exists():
                return path
    return None


def collect_audio(source: Path, listed: Collection[str], target: Path) -> SplitAudio:
    """Find the files of a table by their base names; inner folder names vary.

    Args:
        source: an archive, unpacked into `target` unless it was unpacked before, or an unpacked folder.
        listed: base names of the table.

    Raises:
        UserError: naming the archive, if it is damaged or contains two files with the same name.
    """
    if source.is_dir():
        return _search_folder(source, listed)
    status, names = source.stat(), "\n".join(sorted(listed))
    digest = hashlib.sha256(names.encode()).hexdigest()
    made_from = {"archive": [status.st_size, status.st_mtime_ns], "listed": digest}
    path = target / INDEX
    if not path.is_file() or json.loads(path.read_text(encoding="utf-8"))["made_from"] != made_from:
        remove_temporary(target.parent)  # the partial archive of a killed run may be large
        with atomic_folder(target) as temporary:
            unlisted = _unpack(source, listed, temporary)
            write_json_atomic(temporary / INDEX, {"made_from": made_from, "unlisted": sorted(unlisted)})
    files = sorted({entry.name for entry in os.scandir(target)} - {INDEX})
    return SplitAudio({name: target / name for name in files}, json.loads(path.read_text(encoding="utf-8"))["unlisted"])


def _search_folder(folder: Path, listed: Collection[str]) -> SplitAudio:
    files: dict[str, Path] = {}
    unlisted = []
    for path in sorted(path for path in folder.rglob("*.wav") if is_visible(path.name)):
        if path.name not in listed:
            unlisted.append(path.name)
        elif path.name in files:
            raise UserError(f"{folder}: contains two files {path.name}: {files[path.name]} and {path}; remove one")
        else:
            files[path.name] = path
    return SplitAudio(files, unlisted)


def _unpack(archive: Path, listed: Collection[str], folder: Path) -> list[str]:
    """Write the listed files flat into `folder`; returns the names of the others."""
    unlisted = []
    try:
        with gzip.open(archive) as stream:
            with tarfile.open(fileobj=stream, mode="r|") as members:
                for member in members:
                    # Only the base name is used, so no member can escape the folder.
                    name = PurePosixPath(member.name).name
                    if not member.isfile() or not is_visible(name):
                        continue
                    if name not in listed:
                        unlisted.append(name)
                        continue
                    content = members.extractfile(member)
                    assert content is not None  # a regular file
                    with open(folder / name, "xb") as file:
                        shutil.copyfileobj(content, file)
            while stream.read(1 << 20):  # to the checksum at the end, which detects truncation
                pass
    except FileExistsError as error:
        raise UserError(f"{archive}: contains two files {Path(error.filename).name}; fetch it again") from error
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UserError(f"{archive}: not unpacked: {error}; fetch it again") from error
    return unlisted
