"""Weights of a published teacher: found offline or fetched from the hub, told apart by hash, never run as code."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from espnet_ext.errors import UserError
from espnet_ext.hub.download import default_cache, download_snapshot


def local_folder(teacher: str, model: str, teacher_dir: Path | None, expected: Sequence[str]) -> Path | None:
    """Folder of a model that is on disk; None = it has to come from the hub.

    `teacher_dir` is either the model's own folder, or holds one folder for each model, called by its
    full name (`BAAI/bge-m3`) or by the last part of it (`bge-m3`).

    Args:
        teacher: for the message.
        model: hub id, or the model's folder itself.
        teacher_dir: the folder of offline weights, or None.
        expected: what the model's folder must hold: each entry one glob pattern, or several with `|` between.

    Raises:
        UserError: `teacher_dir` or the folder `model` lacks a file, with the names of those expected.
    """
    if Path(model).is_dir():
        places = [Path(model)]
    elif teacher_dir is not None:
        places = [teacher_dir / model, teacher_dir / Path(model).name, teacher_dir]
    else:
        return None
    for place in places:
        if all(any(any(place.glob(p)) for p in entry.split("|")) for entry in expected):
            return place
    files = " and ".join(entry.replace("|", " or ") for entry in expected)
    raise UserError(f"teacher {teacher}: no weights of {model}: expected {files} in {' or '.join(map(str, places))}")


def hub_folder(teacher: str, model: str, revision: str | None, patterns: Sequence[str]) -> Path:
    """Local folder with those files of a hub's model that match `patterns`, fetched where they are not in the cache.

    Raises:
        UserError: the hub has no such model or revision, or is out of reach.
    """
    advice = ", or bring the model's files here and give their folder with --teacher_dir"
    # The recipe's cache, unless the user chose one for all programs.
    cache = None if "HF_HUB_CACHE" in os.environ else default_cache() / "hub"
    return download_snapshot(model, patterns, f"teacher {teacher}:", advice, revision, cache)


def fingerprint(files: Iterable[Path]) -> str:
    """Hash over the names and contents of files: the same model has the same, wherever it came from."""
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.name):
        with path.open("rb") as stream:
            digest.update(path.name.encode() + hashlib.file_digest(stream, "sha256").digest())
    return f"sha256:{digest.hexdigest()[:16]}"
