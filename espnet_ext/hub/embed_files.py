"""Embeddings of many recordings, part by part, so that a run that was stopped resumes."""

import hashlib
import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import batched
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from zipfile import BadZipFile

import numpy as np

from espnet_ext.audio.waveform import AudioSource
from espnet_ext.hub.inference import UttEncoder
from espnet_ext.kaldi.sources import Entry, make_entries
from espnet_ext.utils.atomic import atomic_path
from espnet_ext.utils.cleanup import remove_temporary
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.printable import printable
from espnet_ext.utils.progress import audio_progress
from espnet_ext.utils.provenance import reset_if_changed

# Recordings passed to the model together: enough to sort by length, few enough to lose when the run is stopped.
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
        folder: emptied where it holds parts of another origin.
        origin: all that the embeddings follow from, but the audio.
    """

    def __init__(self, folder: Path, origin: Mapping[str, Any]) -> None:
        reset_if_changed(folder, origin)
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
            np.savez(stream, **{KEYS: np.array(keys)}, **embeddings)

    def collect(self, entries: Iterable[Entry]) -> dict[str, np.ndarray]:
        """attribute -> (entries, dim) float32, in the order of `entries`, none of which is missing."""
        row_of = {_key(entry): row for row, entry in enumerate(entries)}
        collected: dict[str, np.ndarray] = {}
        for part in self._parts():
            wanted = [(row, row_of[key]) for row, key in enumerate(part.pop(KEYS).tolist()) if key in row_of]
            for name, vectors in part.items():
                rows = collected.setdefault(name, np.empty((len(row_of), vectors.shape[1]), np.float32))
                rows[[target for _, target in wanted]] = vectors[[row for row, _ in wanted]]
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


class Embedded(NamedTuple):
    """Embeddings of recordings.

    Attributes:
        identities: of the recordings that could be read.
        embeddings: attribute -> (identities, dim).
        errors: id -> error of the other recordings.
    """

    identities: list[str]
    embeddings: dict[str, np.ndarray]
    errors: dict[str, str]


def embed(
    encoder: UttEncoder,
    sources: Mapping[str, AudioSource],
    parts: EmbeddingParts,
    skip_errors: bool = False,
) -> Embedded:
    """Embed what `parts` lacks, and collect all; see `embed_missing`."""
    entries, errors = embed_missing(encoder, sources, parts, skip_errors)
    return Embedded([entry.identity for entry in entries], parts.collect(entries), errors)


def embed_missing(
    encoder: UttEncoder,
    sources: Mapping[str, AudioSource],
    store: EmbeddingStore,
    skip_errors: bool,
) -> tuple[list[Entry], dict[str, str]]:
    """Embed the recordings that are new to a store or have changed, with progress.

    Args:
        encoder: the model.
        sources: id -> audio.
        store: contains the embeddings of an earlier run.
        skip_errors: leave out recordings that cannot be read.

    Returns:
        The recordings that the store contains now; and id -> error of the others.

    Raises:
        UserError: a recording cannot be read, unless `skip_errors`; or none can.
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
    """Changes with the id and the file of a recording."""
    return hashlib.sha256(json.dumps(entry).encode()).hexdigest()


def report_errors(errors: Mapping[str, str], num_recordings: int, out: Path) -> None:
    """List the recordings that were skipped on stderr, and refuse (UserError) to call the work done."""
    for error in errors.values():
        print(f"  skipped: {printable(error)}", file=sys.stderr)
    if errors:
        raise UserError(
            f"{len(errors)} of {num_recordings} recordings cannot be read and are not in {out}; "
            "once they are repaired, the same command embeds only them"
        )
