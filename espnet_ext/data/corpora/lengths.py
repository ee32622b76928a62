"""Lengths of very many audio files, from their headers and in parallel."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from espnet_ext.audio.waveform import samples_at_16k
from espnet_ext.data.pool import process_pool
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.progress import audio_progress

CHUNK_SIZE = 500  # files that a worker is given at a time
# Fixed phrases for `Exclusions`.
NO_AUDIO = "no audio file"
UNREADABLE = "audio cannot be read"
OUTSIDE = "times outside its recording"
# Of what was published, these are not here.
MISSING = frozenset({NO_AUDIO, OUTSIDE})


class AudioLength(NamedTuple):
    """Samples at 16 kHz by the header, or why there are none (a fixed phrase for `Exclusions`)."""

    num_samples: int
    fault: str | None = None


def header_length(path: str | Path) -> AudioLength:
    """Length of one file; only the header is read where the format tells it there."""
    path = Path(path)
    if not path.is_file():
        return AudioLength(0, NO_AUDIO)
    try:
        num_samples = samples_at_16k(path)
    except UserError:
        return AudioLength(0, UNREADABLE)
    return AudioLength(num_samples) if num_samples else AudioLength(0, "no sound in the file")


def header_lengths(paths: Sequence[str], nj: int, label: str) -> list[AudioLength]:
    """`header_length` of each file, in `nj` processes and with a progress line.

    Args:
        label: what is being read, for the progress line.
    """
    chunks = [paths[start : start + CHUNK_SIZE] for start in range(0, len(paths), CHUNK_SIZE)]
    lengths: list[AudioLength] = []
    with process_pool(nj, __name__) as executor, audio_progress(label, len(paths), "files") as advance:
        for done in executor.map(_lengths_of, chunks):
            lengths += done
            advance(len(done))
    return lengths


def _lengths_of(paths: Sequence[str]) -> list[AudioLength]:
    return [header_length(path) for path in paths]
