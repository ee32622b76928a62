"""Read audio of any format as float32 waveforms, resample them and write FLAC."""

from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from espnet_ext.audio import RATE
from espnet_ext.audio.decoding import open_audio
from espnet_ext.audio.reader import AudioReader, check_samples
from espnet_ext.utils.errors import UserError

Spans = tuple[tuple[float, float], ...]

# Corpora round times to centiseconds or worse, and encoders shift an end by a frame: a span may end this much after
# its recording, and is then cut at the recording's end.
END_TOLERANCE_S = 0.1


class AudioSource(NamedTuple):
    """Location of the audio of an utterance.

    Attributes:
        path: audio file (or `ark:offset` of a dump directory).
        spans: (start, end) in seconds of the parts of the file that are concatenated; () = the whole file.
    """

    path: str
    spans: Spans = ()

    def __str__(self) -> str:
        return " ".join([self.path, *(f"{start:g}-{end:g}s" for start, end in self.spans)])

    def overlaps(self, other: "AudioSource") -> bool:
        """Whether some audio is in both."""
        if self.path != other.path or not self.spans or not other.spans:
            return self.path == other.path
        return any(a < d and c < b for a, b in self.spans for c, d in other.spans)


def read_audio(path: str | Path, *, downmix: bool = False) -> tuple[np.ndarray, int]:
    """Decode a file with one channel.

    Args:
        downmix: average the channels of a file with several channels instead of refusing it.

    Returns:
        float32 (samples,) in [-1, 1], and the file's sampling rate in Hz.

    Raises:
        UserError: naming the file, if it is absent, does not decode, is empty, has NaN or infinite samples, or
            several channels.
    """
    with open_audio(Path(path)) as reader:
        return _concatenate(mono_blocks(reader, downmix=downmix)), reader.rate


def read_source(source: AudioSource, *, downmix: bool = False) -> tuple[np.ndarray, int]:
    """Decode an utterance; of a long recording, only its spans.

    Args:
        downmix: see `read_audio`. The channels of long recordings are always averaged: talks and sessions are recorded
            in stereo, with the room in both channels.

    Returns:
        float32 (samples,) in [-1, 1] of all spans, concatenated, and the file's sampling rate in Hz.

    Raises:
        UserError: as `read_audio`; or naming a span that ends more than END_TOLERANCE_S after its file.
    """
    if not source.spans:
        return read_audio(source.path, downmix=downmix)
    decoded = [_read_span(Path(source.path), start_s, end_s) for start_s, end_s in source.spans]
    return np.concatenate([samples for samples, _ in decoded]), decoded[0][1]


def _read_span(path: Path, start_s: float, end_s: float) -> tuple[np.ndarray, int]:
    with open_audio(path) as reader:
        start, end = round(start_s * reader.rate), round(end_s * reader.rate)
        samples = _concatenate(mono_blocks(reader, start, end - start, downmix=True))
        missing_s = (end - start - len(samples)) / reader.rate
        if len(samples) == 0 or missing_s > END_TOLERANCE_S:
            raise UserError(
                f"{path}: ends {missing_s:g} s before a segment from {start_s:g} to {end_s:g} s; "
                "the file is cut, or the segment belongs to another file"
            )
        return samples, reader.rate


def mono_blocks(
    reader: AudioReader, start: int = 0, num_samples: int | None = None, *, downmix: bool = False
) -> Iterator[np.ndarray]:
    """Decode one channel of a part, a few megabytes at a time.

    Args:
        start, num_samples: the part, in samples at the file's rate; None = to the end, which must not be empty.
        downmix: see `read_audio`.

    Yields:
        float32 (samples,), finite and about within [-1, 1].

    Raises:
        UserError: several channels, no samples, or samples that are not finite or far beyond [-1, 1].
    """
    if reader.num_channels > 1 and not downmix:
        raise UserError(f"{reader.path}: {reader.num_channels} channels, expected 1; convert it to mono")
    position = start
    for block in reader.blocks(start, num_samples):
        check_samples(block, f"{reader.path}", position)
        position += len(block)
        yield block.mean(axis=1, dtype=np.float32) if reader.num_channels > 1 else block[:, 0]
    if num_samples is None and position == start:
        raise UserError(f"{reader.path}: no samples in the file; it is cut or empty")


def _concatenate(blocks: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.empty(0, np.float32), *blocks])


def audio_length(path: str | Path) -> tuple[int, int]:
    """Samples of a file and its rate in Hz, from the header if it has them.

    Raises:
        UserError: naming the file, if it is absent, empty or of no known format.
    """
    with open_audio(Path(path)) as reader:
        return reader.num_samples, reader.rate


def samples_at_16k(path: str | Path) -> int:
    """Samples of a file after resampling to 16 kHz, to within one."""
    samples, rate = audio_length(path)
    return round(samples * RATE / rate)


def lie_within(spans: Spans, duration_s: float) -> bool:
    """Whether every span starts within a recording and ends at most END_TOLERANCE_S after it."""
    return all(0 <= start < duration_s and end <= duration_s + END_TOLERANCE_S for start, end in spans)


def resample(samples: np.ndarray, rate: float, new_rate: int = RATE) -> np.ndarray:
    """Change the sampling rate of float32 (samples,); soxr, high quality."""
    if rate == new_rate:
        return samples
    return soxr.resample(samples, rate, new_rate).astype(np.float32, copy=False)


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Convert float (samples,) in [-1, 1] to int16, clipped; exact for int16 / 32768. int16 is returned unchanged."""
    if samples.dtype == np.int16:
        return samples
    scaled = samples * 32768.0
    np.rint(scaled, out=scaled)
    return np.clip(scaled, -32768, 32767, out=scaled).astype(np.int16)


def write_flac(path: str | Path, samples: np.ndarray, rate: int = RATE) -> None:
    """Write float (samples,) as mono 16-bit FLAC; equal samples give equal bytes.

    Raises:
        OSError: the file cannot be written, or the disk is full.
    """
    # Encoded in memory: libsndfile does not report why it cannot write a file.
    encoded = BytesIO()
    soundfile.write(encoded, to_int16(samples), rate, format="FLAC", subtype="PCM_16")
    Path(path).write_bytes(encoded.getvalue())
