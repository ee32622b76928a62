"""The files of a package that are used: committed as a list of short hashes, compared with an archive's files.

A manifest file has a line `folder/` before the lines `hash name` of that folder; a hash is the first 10 digits of the
file's sha256. The sha256 of the whole manifest is computed from full hashes (`manifest_sha256`).
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

HASH_DIGITS = 10
MANIFESTS = Path(__file__).parent / "manifests"


class UsedFiles(NamedTuple):
    """The used files of an archive.

    Attributes:
        contents: path in the manifest -> content.
        differing: path in the manifest -> "changed" or "missing", for files whose content is not in the archive.
    """

    contents: dict[str, bytes]
    differing: dict[str, str]


def manifest_sha256(contents: Mapping[str, bytes]) -> str:
    """sha256 over the lines `sha256  path` of all files, sorted by path (as `sha256sum` prints them)."""
    lines = (f"{hashlib.sha256(contents[path]).hexdigest()}  {path}\n" for path in sorted(contents))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def short_hash(content: bytes) -> str:
    """The hash of a file in a manifest."""
    return hashlib.sha256(content).hexdigest()[:HASH_DIGITS]


def read_manifest(path: Path) -> dict[str, str]:
    """Path -> short hash of each used file."""
    hashes = {}
    folder = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.endswith("/"):
            folder = line
        else:
            hashes[folder + line[HASH_DIGITS + 1 :]] = line[:HASH_DIGITS]
    return hashes


def format_manifest(contents: Mapping[str, bytes]) -> str:
    """The text of a manifest file."""
    folders: dict[str, list[str]] = defaultdict(list)
    for path in sorted(contents):
        folders[f"{PurePosixPath(path).parent}/"].append(f"{short_hash(contents[path])} {PurePosixPath(path).name}")
    return "".join("\n".join([folder, *files]) + "\n" for folder, files in folders.items())


def select_files(files: Iterable[tuple[str, bytes]], manifest: Mapping[str, str]) -> UsedFiles:
    """Find the files of a manifest in an archive by their content.

    A file may have another path in the archive (distributions move folders); files that are not in the manifest are
    not used.
    """
    paths: dict[str, list[str]] = defaultdict(list)
    for path, digest in manifest.items():
        paths[digest].append(path)
    contents: dict[str, bytes] = {}
    archived = set()
    for name, content in files:
        archived.add(name)
        contents |= dict.fromkeys(paths.get(short_hash(content), ()), content)
    lacking = sorted(manifest.keys() - contents.keys())
    return UsedFiles(contents, {path: "changed" if path in archived else "missing" for path in lacking})
