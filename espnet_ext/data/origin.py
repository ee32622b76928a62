"""What a folder of intermediate files was made from: leftovers of anything else are not continued."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from espnet_ext.data.atomic import write_json_atomic


def empty_unless(folder: Path, origin: Mapping[str, Any]) -> None:
    """Empty a folder, made where it is absent, unless its `origin.json` says that it is of this origin."""
    path = folder / "origin.json"
    if path.exists() and json.loads(path.read_text(encoding="utf-8")) == origin:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_json_atomic(path, origin)


def sha256_of(path: Path) -> str:
    """Hash of a file's content, however large; an OSError names the file if it is absent."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
