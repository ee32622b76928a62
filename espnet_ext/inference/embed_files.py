"""Embed many recordings part by part, so that an interrupted run resumes, and write one npz file or Kaldi archives."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import batched
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol
from zipfile import BadZipFile

import numpy as np

from espnet_ext.audio.waveform import AudioSource
from espnet_ext.kaldi.scp import write_scp
from espnet_ext.kaldi.sources import Entry, make_entries
from espnet_ext.kaldi.vectors import write_npz, write_vectors
from espnet_ext.utils.atomic import atomic_path, remove_temporary
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.printable import printable
from espnet_ext.utils.progress import audio_progress
from espnet_ext.utils.provenance import reset_if_changed

if TYPE_CHECKING:  # its import takes seconds; --out is checked before
    from espnet_ext.inference.utt_encoder import UttEncoder

# Recordings passed to the model together: enough to sort by length, and few to repeat after an interruption.
CHUNK_RECORDINGS = 256
KEYS = "keys"


class EmbeddingStore(Protocol):
    """Embeddings of recordings on disk, written chunk by chunk."""

    def missing(self, entries: Iterable[Entry]) -> set[str]:
        """Ids of recordings that the store does not contain, or that have changed."""

    def add(self, entries: Sequence[Entry], embeddings: Mapping[str, np.ndarray]) -> None:
        """Write the embeddings (entries, dim) of some recordings, all of them or none."""


class EmbeddingParts:
    """A folder of npz files, each with the embeddings of some recordings: arrays (recordings, dim) and `KEYS`.

    Args:
        folder: emptied if its parts have another provenance.
        provenance: everything that the embeddings depend on, except the audio.
    """

    def __init__(self, folder: Path, provenance: Mapping[str, Any]) -> None:
        reset_if_changed(folder, provenance)
        remove_temporary(folder)
        self.folder = folder

    def missing(self, entries: Iterable[Entry]) -> set[str]:
        """See `EmbeddingStore`."""
        known = {key for part in self._parts() for key in part[KEYS].tolist()}
        return {entry.identity for entry in entries if _key(entry) not in known}

    def add(self, entries: Sequence[Entry], embeddings: Mapping[str, np.ndarray]) -> None:
        """Write a part."""
        keys = [_key(entry) for entry in entries]
        name = hashlib.sha256("".join(keys).encode()).hexdigest()[:16]
        with atomic_path(self.folder / f"{name}.npz") as temporary, temporary.open("wb") as stream:
            # numpy types its options, not the arrays.
            np.savez(stream, **{KEYS: np.array(keys)}, **embeddings)  # type: ignore[arg-type]

    def collect(self, entries: Iterable[Entry]) -> dict[str, np.ndarray]:
        """Attribute -> (entries, dim) float32, in the order of `entries`, all of which must be in the folder."""
        row_of = {_key(entry): row for row, entry in enumerate(entries)}
        collected: dict[str, np.ndarray] = {}
        for part in self._parts():
            targets = {row: row_of[key] for row, key in enumerate(part.pop(KEYS).tolist()) if key in row_of}
            for name, vectors in part.items():
                rows = collected.setdefault(name, np.empty((len(row_of), vectors.shape[1]), np.float32))
                rows[list(targets.values())] = vectors[list(targets)]
        return collected

    def remove(self) -> None:
        shutil.rmtree(self.folder)

    def _parts(self) -> Iterator[dict[str, np.ndarray]]:
        for path in sorted(self.folder.glob("*.npz")):
            try:
                with np.load(path, allow_pickle=False) as content:
                    part = {KEYS: content[KEYS], **content}
            except (OSError, ValueError, KeyError, BadZipFile):
                path.unlink()  # damaged: its recordings are embedded again
                continue
            yield part


def embed_missing(
    encoder: UttEncoder,
    sources: Mapping[str, AudioSource],
    store: EmbeddingStore,
    skip_errors: bool,
) -> tuple[list[Entry], dict[str, str]]:
    """Embed the recordings that are new to a store or have changed, and show the progress.

    Args:
        encoder: the model.
        sources: id -> audio.
        store: contains the embeddings of an earlier run.
        skip_errors: leave out recordings that cannot be read.

    Returns:
        The recordings that the store contains now, in the order of `sources`; and id -> error of the others.

    Raises:
        UserError: a recording cannot be read, unless `skip_errors`; or no recording can be read.
    """
    errors: dict[str, str] = {}
    entries = {entry.identity: entry for entry in make_entries(sources, errors if skip_errors else None)}
    missing = store.missing(entries.values())
    pending = [entries[identity] for identity in sources if identity in missing]
    with audio_progress("embeddings", len(pending), "recordings") as advance:
        for chunk in batched(pending, CHUNK_RECORDINGS):
            embeddings, failed = encoder.encode_readable([sources[entry.identity] for entry in chunk])
            readable = [entry for index, entry in enumerate(chunk) if index not in failed]
            if readable:
                store.add(readable, embeddings)
            if failed and not skip_errors:
                raise UserError(f"{next(iter(failed.values()))}; --skip_errors embeds the other recordings")
            errors |= {chunk[index].identity: error for index, error in failed.items()}
            advance(len(chunk))
    found = [entries[identity] for identity in sources if identity not in errors]
    if not found:
        raise UserError(f"none of the {len(sources)} recordings can be read: {next(iter(errors.values()))}")
    return found, errors


def _key(entry: Entry) -> str:
    """Key of a recording, different for another id or a changed file."""
    return hashlib.sha256(json.dumps(entry).encode()).hexdigest()


def report_errors(errors: Mapping[str, str], num_recordings: int, out: Path) -> None:
    """List skipped recordings on stderr, and raise UserError if there are any."""
    for error in errors.values():
        print(f"  skipped: {printable(error)}", file=sys.stderr)
    if errors:
        raise UserError(
            f"{len(errors)} of {num_recordings} recordings cannot be read and are not in {out}; "
            "once they are repaired, the same command embeds only them"
        )


def check_output(out: Path, identities: Iterable[str]) -> None:
    """Check that recordings with these ids can be written to `out`; UserError names the first that cannot."""
    if out.suffix == ".npz":
        if out.is_dir():
            raise UserError(f"--out {out}: a folder; name a file X.npz, or a folder that does not end in .npz")
        return
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out}: a file; name a file X.npz, or a folder for Kaldi archives")
    with TemporaryDirectory() as folder:
        try:
            write_scp(Path(folder, "scp"), dict.fromkeys(identities, f"{out}/x.ark:0"))
        except UserError as error:
            problem = str(error).replace(folder, str(out))
            raise UserError(f"{problem}; an npz file may contain any name: --out X.npz") from error


def parts_folder(out: Path) -> Path:
    """Folder of the embeddings that are kept until `out` is written."""
    return out.with_name(f"{out.name}.parts") if out.suffix == ".npz" else out / "parts"


def write_embeddings(out: Path, identities: Sequence[str], embeddings: Mapping[str, np.ndarray]) -> list[Path]:
    """Write an npz file (`ids` and one array per attribute), or a folder with one Kaldi archive per attribute."""
    if out.suffix == ".npz":
        write_npz(out, identities, embeddings)
        return [out]
    for name, vectors in embeddings.items():
        write_vectors(out / f"{name}.ark", zip(identities, vectors, strict=True))
    return [out / f"{name}.scp" for name in embeddings]
