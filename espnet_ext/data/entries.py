"""What an index notes of each recording: its id, where its audio is, and how to see that it changed."""

import json
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from espnet_ext.data.places import file_of
from espnet_ext.data.segments import AudioSource, Spans
from espnet_ext.errors import UserError


class Entry(NamedTuple):
    """A recording of an index.

    Attributes:
        identity: its id.
        path: absolute path of its file (`ark:offset` in a dump directory).
        spans: (start, end) in seconds of its parts; () = the whole file.
        num_bytes, mtime_ns: size of the file and time of its last change when it was embedded.
    """

    identity: str
    path: str
    spans: Spans
    num_bytes: int
    mtime_ns: int

    @property
    def source(self) -> AudioSource:
        return AudioSource(self.path, self.spans)


def make_entries(sources: Mapping[str, AudioSource], errors: dict[str, str] | None = None) -> Iterator[Entry]:
    """Look at the file of each recording, in order of their ids.

    Args:
        sources: id -> audio.
        errors: where given, recordings without a file are added here, with the error.

    Raises:
        UserError: naming a recording without a file, where there is no `errors`.
    """
    # A dump's archive holds thousands of recordings.
    state = lru_cache(maxsize=1024)(os.stat)
    for identity in sorted(sources):
        path = os.path.abspath(sources[identity].path)
        try:
            found = state(file_of(path))
        except OSError as error:
            problem = f"{identity}: {path}: {error.strerror}; correct wav.scp or bring the file back"
            if errors is None:
                raise UserError(problem) from error
            errors[identity] = problem
            continue
        yield Entry(identity, path, tuple(sources[identity].spans), found.st_size, found.st_mtime_ns)


def parse_entry(text: str) -> Entry:
    """An entry from its JSON, in which file names that are not UTF-8 are escaped."""
    identity, path, spans, num_bytes, mtime_ns = json.loads(text)
    return Entry(identity, path, tuple((start, end) for start, end in spans), num_bytes, mtime_ns)
