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
Embed = Callable[[Sequence[AudioSource]], Mapping[str, np.ndarray]]


class Pending(NamedTuple):
    """A recording to embed, and its place in the index if it was there and has changed."""

    entry: Entry
    replaces: Place | None


def build_index(folder: Path, manifest: Manifest, sources: Mapping[str, AudioSource], embed: Embed) -> SearchIndex:
    """Make an index, or add to it what it lacks.

    Recordings are embedded in order of their ids, so that a build that was killed and started again
    writes the same segments. A recording whose file changed (size, time or spans) is embedded again
    and replaces the old one. What is in the index stays there, whether it is named again or not.

    Args:
        folder: of the index.
        manifest: of the model.
        sources: id -> audio.
        embed: audio -> attribute -> (recordings, dim) float32 of unit length.

    Raises:
        UserError: the index is of another model or broken, `folder` holds something else, or a recording
            cannot be read.
    """
    _check_folder(folder)
    with exclusive_lock(folder / LOCK):
        index = _open_or_make(folder, manifest)
        pending = plan(index, sources)
        changed = sum(recording.replaces is not None for recording in pending)
        print(f"  {folder}: {len(pending) - changed} new, {changed} changed, {len(sources) - len(pending)} as before")
        with audio_progress("index", len(pending), "recordings") as advance:
            for number, part in enumerate(_segments_of(pending, int(index.starts[-1])), len(index.segments)):
                chunks = []
                for chunk in batched(part, CHUNK_RECORDINGS):
                    chunks.append(embed([recording.entry.source for recording in chunk]))
                    advance(len(chunk))
                vectors = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
                entries = [recording.entry for recording in part]
                replaces = [recording.replaces for recording in part if recording.replaces is not None]
                write_segment(segment_folder(folder, number), entries, vectors, replaces)
        return SearchIndex.open(folder)


def plan(index: SearchIndex, sources: Mapping[str, AudioSource]) -> list[Pending]:
    """Recordings that are new or have changed, in order of their ids.

    Raises:
        UserError: an id that the index has for another file.
    """
    known = {entry.identity: (place, entry) for place, entry in index.current() if entry.identity in sources}
    pending = []
    for entry in make_entries(sources):
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
