"""Where a trained model lies: a folder, a zip file, or a hub id."""

import hashlib
import shutil
import zipfile
import zlib
from pathlib import Path

from espnet_ext.hub.download import default_cache, download_snapshot
from espnet_ext.model.saved_model import DESCRIPTION, WEIGHTS
from espnet_ext.utils.atomic import atomic_path
from espnet_ext.utils.errors import UserError

# Trained weights hardly compress: what unpacks to more times its size is no model, and might fill the disk.
LARGEST_RATIO = 10


def model_folder(name: str | Path) -> Path:
    """Local folder of a packed model.

    Args:
        name: a folder, a zip file made by stage 6, or a Hugging Face hub id `owner/model`.

    Raises:
        UserError: nothing of that name, a damaged zip file, or the hub is out of reach.
    """
    path = Path(name)
    if path.is_dir():
        return path
    if path.is_file():
        return _unpacked(path)
    if str(name).count("/") != 1 or str(name).startswith(("/", ".")):
        raise UserError(f"{name}: no such folder or zip file, and no hub id (owner/model)")
    # Weights and description only: no code from a hub.
    return download_snapshot(str(name), [DESCRIPTION, WEIGHTS], "no such folder or zip file, and")


def _unpacked(archive: Path) -> Path:
    """Unpack the two files of a packed model, whatever else the archive holds, into the cache."""
    with archive.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    folder = default_cache() / "packed" / digest[:16]
    try:
        with zipfile.ZipFile(archive) as members:
            unpacked_bytes = sum(members.getinfo(name).file_size for name in (DESCRIPTION, WEIGHTS))
            if unpacked_bytes > LARGEST_RATIO * archive.stat().st_size:
                raise zipfile.BadZipFile(f"it would unpack to {unpacked_bytes} bytes")
            for name in (DESCRIPTION, WEIGHTS):
                if not (folder / name).exists():
                    with (
                        members.open(name) as member,
                        atomic_path(folder / name) as temporary,
                        temporary.open("wb") as target,
                    ):
                        shutil.copyfileobj(member, target)
    # RuntimeError: encrypted, or compressed in a way that is not known.
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError) as error:
        raise UserError(f"{archive}: no packed model ({error}); pack it again with stage 6") from error
    return folder
