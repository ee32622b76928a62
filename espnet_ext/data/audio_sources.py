"""Audio to embed, from whatever the user names: files, folders, Kaldi data and dump directories."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import soundfile

from espnet_ext.data.data_dir import DataDir
from espnet_ext.data.pyav_reader import HEADERLESS
from espnet_ext.data.segments import AudioSource
from espnet_ext.errors import UserError

AUDIO_SUFFIXES = {f".{name.lower()}" for name in soundfile.available_formats()} | {
    *(".opus", ".m4a", ".mp4", ".aac", ".webm", ".wma"),
    *HEADERLESS,
}


def list_sources(names: Iterable[Path]) -> dict[str, AudioSource]:
    """Find the audio behind some names.

    Args:
        names: audio files (id: the name as given), folders (searched through, links as well; id: the path below the
            folder without suffix), directories with a wav.scp (id: the utterance id).

    Returns:
        id -> its audio (path `ark:offset` in a dump directory), in sorted order of each name's ids.

    Raises:
        UserError: nothing of that name, a folder without audio, or two sources of one id.
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
    # Pairs, not a dict: a folder can hold a.wav and a.flac.
    if (name / "wav.scp").is_file():
        return list(DataDir(name).sources().items())
    if name.is_file():
        return [(str(name), AudioSource(str(name)))]
    if not name.is_dir():
        raise UserError(f"{name}: no such file or folder")
    files = sorted(path for path in _files_below(name) if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file())
    if not files:
        raise UserError(f"{name}: no audio in this folder; known: {', '.join(sorted(AUDIO_SUFFIXES))}")
    return [(str(path.relative_to(name).with_suffix("")), AudioSource(str(path))) for path in files]


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder, followlinks=True):
        # A link to a folder above it would never end.
        folders[:] = [name for name in folders if not _leads_back(Path(parent, name))]
        yield from (Path(parent, name) for name in names)


def _leads_back(folder: Path) -> bool:
    return folder.is_symlink() and folder.parent.resolve().is_relative_to(folder.resolve())
