"""Audio to embed: files, folders, Kaldi data and dump directories that the user names, and the state of their files."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from espnet_ext.audio.files import AUDIO_SUFFIXES, list_audio
from espnet_ext.audio.waveform import AudioSource, Spans
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.locators import file_of
from espnet_ext.utils.errors import UserError


def list_sources(names: Iterable[Path]) -> dict[str, AudioSource]:
    """Find the audio of some names.

    Args:
        names: audio files (id: the name as given), folders (see `list_audio`; id: the path below the folder without
            suffix; one line on stderr counts the skipped files), directories with a wav.scp (id: the utterance id).

    Returns:
        id -> its audio (path `ark:offset` in a dump directory), in sorted order of each name's ids.

    Raises:
        UserError: no file or folder of that name, a folder without audio, or two sources with one id.
    """
    sources: dict[str, AudioSource] = {}
    for name in names:
        for identity, audio in _sources_of(name):
            if identity in sources:
                paths = f"{sources[identity].path} and {audio.path}"
                raise UserError(f"{identity}: named twice ({paths}); embed them separately")
            sources[identity] = audio
    return sources


def _sources_of(name: Path) -> list[tuple[str, AudioSource]]:
    # Pairs, not a dict: a folder may contain a.wav and a.flac.
    if (name / "wav.scp").is_file():
        return list(DataDir(name).sources().items())
    if name.is_file():
        return [(str(name), AudioSource(str(name)))]
    if not name.is_dir():
        raise UserError(f"{name}: no such file or folder")
    files, skipped = list_audio(name)
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items()))
    if not files:
        raise UserError(
            f"{name}: no audio in this folder ({reasons or 'it is empty'}); name a file itself to decode it in any case"
        )
    if skipped:
        print(f"{name}: {len(files)} audio files; skipped: {reasons}", file=sys.stderr)
    return [(_identity(path.relative_to(name)), AudioSource(str(path))) for path in files]


def _identity(path: Path) -> str:
    """A path without its suffix, unless the text after the last dot is part of the name."""
    return str(path.with_suffix("") if path.suffix.lower() in AUDIO_SUFFIXES else path)


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
    """Describe the file of each recording, in the order of their ids.

    Args:
        sources: id -> audio.
        errors: if given, recordings without a file are added here with the error, instead of raising it.

    Raises:
        UserError: naming a recording without a file.
    """
    # An archive of a dump directory contains thousands of recordings.
    stat = lru_cache(maxsize=1024)(os.stat)
    for identity in sorted(sources):
        path = os.path.abspath(sources[identity].path)
        try:
            status = stat(file_of(path))
        except OSError as error:
            problem = f"{identity}: {path}: {error.strerror}; correct wav.scp or bring the file back"
            if errors is None:
                raise UserError(problem) from error
            errors[identity] = problem
            continue
        yield Entry(identity, path, tuple(sources[identity].spans), status.st_size, status.st_mtime_ns)


def parse_entry(text: str) -> Entry:
    """Read an entry from its JSON, in which file names that are not UTF-8 are escaped."""
    identity, path, spans, num_bytes, mtime_ns = json.loads(text)
    return Entry(identity, path, tuple((start, end) for start, end in spans), num_bytes, mtime_ns)
