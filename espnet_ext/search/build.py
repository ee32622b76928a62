"""Add recordings to an index, segment by segment; a killed build goes on where it was."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import batched
from pathlib import Path
from typing import NamedTuple

import numpy as np

from espnet_ext.data.entries import Entry, make_entries
from espnet_ext.data.lock import exclusive_lock
from espnet_ext.data.places import origin_of
from espnet_ext.data.progress import audio_progress
from espnet_ext.data.segments import AudioSource
from espnet_ext.data.stale import remove_temporary
from espnet_ext.errors import UserError
from espnet_ext.search.index import SearchIndex, segment_folder
from espnet_ext.search.manifest import FILE_NAME, Manifest
from espnet_ext.search.segment import Place, write_segment

LOCK = "lock"
MIN_SEGMENT_ROWS = 256
# 8 MB of float32 at 512 dimensions.
MAX_SEGMENT_ROWS = 4096
# Recordings that are embedded at once: enough to sort by length, few enough to show progress.
CHUNK_RECORDINGS = 256
# Attribute -> (readable recordings, dim), and index -> error of the others: `UttEncoder.encode_readable`.
Embed = Callable[[Sequence[AudioSource]], tuple[Mapping[str, np.ndarray], Mapping[int, str]]]


class Pending(NamedTuple):
    """A recording to embed, and its place in the index if it was there and has changed."""

    entry: Entry
    replaces: Place | None


def build_index(
    folder: Path,
    manifest: Manifest,
    sources: Mapping[str, AudioSource],
    embed: Embed,
    errors: dict[str, str] | None = None,
) -> SearchIndex:
    """Make an index, or add to it what it lacks.

    Recordings are embedded in order of their ids, so that a build that was killed and started again
    writes the same segments. A recording whose file changed (size, time or spans) is embedded again
    and replaces the old one. What is in the index stays there, whether it is named again or not.

    Args:
        folder: of the index.
        manifest: of the model.
        sources: id -> audio.
        embed: audio -> float32 embeddings of unit length, and errors.
        errors: where given, recordings that cannot be read are left out and added here, id -> error.

    Raises:
        UserError: the index is of another model or broken, `folder` holds something else, or a recording
            cannot be read and there is no `errors`.
    """
    _check_folder(folder)
    with exclusive_lock(folder / LOCK):
        index = _open_or_make(folder, manifest)
        pending = plan(index, sources, errors)
        changed = sum(recording.replaces is not None for recording in pending)
        before = len(sources) - len(pending) - len(errors or ())
        print(f"  {folder}: {len(pending) - changed} new, {changed} changed, {before} as before")
        number = len(index.segments)
        with audio_progress("index", len(pending), "recordings") as advance:
            for part in _segments_of(pending, int(index.starts[-1])):
                recordings, vectors = _embed_segment(part, embed, errors, advance)
                if recordings:
                    entries = [recording.entry for recording in recordings]
                    replaces = [recording.replaces for recording in recordings if recording.replaces is not None]
                    write_segment(segment_folder(folder, number), entries, vectors, replaces)
                    number += 1
        return SearchIndex.open(folder)


def _embed_segment(
    part: Sequence[Pending], embed: Embed, errors: dict[str, str] | None, advance: Callable[[float], None]
) -> tuple[list[Pending], dict[str, np.ndarray]]:
    """The recordings that can be read, and attribute -> (recordings, dim); see `build_index`."""
    recordings: list[Pending] = []
    chunks = []
    for chunk in batched(part, CHUNK_RECORDINGS):
        embeddings, failed = embed([recording.entry.source for recording in chunk])
        if failed and errors is None:
            raise UserError(f"{next(iter(failed.values()))}; --skip_errors indexes the other recordings")
        for index, recording in enumerate(chunk):
            if index in failed:
                errors[recording.entry.identity] = failed[index]
            else:
                recordings.append(recording)
        chunks.append(embeddings)
        advance(len(chunk))
    return recordings, {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def plan(index: SearchIndex, sources: Mapping[str, AudioSource], errors: dict[str, str] | None = None) -> list[Pending]:
    """Recordings that are new or have changed, in order of their ids.

    Raises:
        UserError: an id that the index has for another file; or as `make_entries`.
    """
    known = {entry.identity: (place, entry) for place, entry in index.current() if entry.identity in sources}
    pending = []
    for entry in make_entries(sources, errors):
        place, old = known.get(entry.identity, (None, None))
        if old is not None and origin_of(old.path) != origin_of(entry.path):
            raise UserError(f"{entry.identity}: {entry.path}, but {old.path} in {index.folder}; build another index")
        if old != entry:
            pending.append(Pending(entry, place))
    return pending


def _segments_of(pending: Sequence[Pending], num_rows: int) -> Iterator[Sequence[Pending]]:
    """Share out recordings among segments.

    Args:
        num_rows: of the index so far. A segment has as many, between two limits: a killed build loses
            no more than half of its work, and a large index has few files.
    """
    start = 0
    while start < len(pending):
        size = min(max(num_rows + start, MIN_SEGMENT_ROWS), MAX_SEGMENT_ROWS)
        yield pending[start : start + size]
        start += size


def _check_folder(folder: Path) -> None:
    """Refuse to write an index among other files."""
    if folder.is_dir() and not (folder / FILE_NAME).exists():
        others = sorted(path.name for path in folder.iterdir() if path.name != LOCK and not path.name.startswith("."))
        if others:
            raise UserError(f"{folder}: no index, and not empty ({others[0]}); name a folder of its own")


def _open_or_make(folder: Path, manifest: Manifest) -> SearchIndex:
    remove_temporary(folder)
    remove_temporary(folder / "segments")
    if not (folder / FILE_NAME).exists():
        manifest.write(folder)
    index = SearchIndex.open(folder)
    index.manifest.check_model(folder, manifest)
    if index.manifest.autocast != manifest.autocast:
        raise UserError(f"{folder}: made with --autocast {index.manifest.autocast}; give the same")
    return index
