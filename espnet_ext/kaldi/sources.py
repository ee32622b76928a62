"""Audio to embed, from whatever the user names: files, folders, Kaldi data and dump directories."""

import sys
from collections.abc import Iterable
from pathlib import Path

from espnet_ext.audio.files import AUDIO_SUFFIXES, list_audio
from espnet_ext.audio.waveform import AudioSource
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.utils.errors import UserError


def list_sources(names: Iterable[Path]) -> dict[str, AudioSource]:
    """Find the audio behind some names.

    Args:
        names: audio files (id: the name as given), folders (see `list_audio`; id: the path below the folder without
            suffix; one line on stderr counts what is skipped), directories with a wav.scp (id: the utterance id).

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
    files, skipped = list_audio(name)
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items()))
    if not files:
        found = reasons or "it is empty"
        raise UserError(f"{name}: no audio in this folder ({found}); name a file itself to decode it in any case")
    if skipped:
        print(f"{name}: {len(files)} audio files; skipped: {reasons}", file=sys.stderr)
    return [(_identity(path.relative_to(name)), AudioSource(str(path))) for path in files]


def _identity(path: Path) -> str:
    """A path without its suffix, unless what follows the last dot is part of the name."""
    return str(path.with_suffix("") if path.suffix.lower() in AUDIO_SUFFIXES else path)
