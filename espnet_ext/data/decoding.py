"""Open audio of any format and decode parts of it: libsndfile, and PyAV for what libsndfile cannot read."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple, Protocol

import av
import numpy as np
import soundfile

from espnet_ext.data.wav_header import missing_bytes
from espnet_ext.errors import UserError


class PyAvFormat(NamedTuple):
    """How PyAV reads a format.

    Attributes:
        demuxer: to force; None: found by content.
        seeks: timestamps say where a packet belongs, and its decoder settles within PREROLL_S.
    """

    demuxer: str | None = None
    seeks: bool = False


# G.722 is a stream without header, so its file cannot be recognised by its content.
PYAV_FORMATS = {
    ".g722": PyAvFormat("g722"),
    ".m4a": PyAvFormat(seeks=True),
    ".mp4": PyAvFormat(seeks=True),
    ".aac": PyAvFormat(seeks=True),
    ".webm": PyAvFormat(seeks=True),
    ".wma": PyAvFormat(),
}
# Decoded before the part that is wanted: a packet's sound also depends on those before it (MP3 0.1 s, Opus 80 ms).
PREROLL_S = 0.5

# Headerless GSM 6.10: 33 bytes hold 160 samples at 8 kHz.
GSM = {"format": "RAW", "subtype": "GSM610", "samplerate": 8000, "channels": 1}
GSM_FRAME_BYTES = 33


class AudioReader(Protocol):
    """An open audio file, to be read from once: python-soundfile seeks after every read, which loses the state
    of MP3 and Vorbis decoders (libsndfile 1.2.2 then returns sound from elsewhere in the file).

    Attributes:
        rate: Hz.
        num_samples: of each channel, by the header where there is one.
    """

    rate: int

    @property
    def num_samples(self) -> int: ...

    def read(self, start: int, num_samples: int | None) -> np.ndarray:
        """Decode from sample `start` on: float32 (samples, channels), fewer where the file ends."""


@contextmanager
def open_audio(path: Path) -> Iterator[AudioReader]:
    """Open a file.

    Raises:
        UserError: naming the file, if it is absent, empty, cut or does not decode, here or while it is read.
    """
    _check_file(path)
    try:
        if path.suffix.lower() in PYAV_FORMATS:
            with av.open(str(path), format=PYAV_FORMATS[path.suffix.lower()].demuxer) as container:
                yield PyAvReader(path, container)
        else:
            # As bytes: soundfile refuses names that are not UTF-8.
            with soundfile.SoundFile(os.fsencode(path), **(GSM if path.suffix.lower() == ".gsm" else {})) as file:
                yield SoundFileReader(path, file)
    except (av.FFmpegError, soundfile.SoundFileError, OSError) as error:
        raise UserError(f"{path}: cannot decode audio: {error}") from error


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise UserError(f"{path}: no such audio file")
    size = path.stat().st_size
    if size == 0:
        raise UserError(f"{path}: empty audio file")
    if path.suffix.lower() == ".gsm" and size % GSM_FRAME_BYTES:
        raise UserError(f"{path}: {size} bytes are not a whole number of GSM frames; the file is cut")
    if path.suffix.lower() == ".wav" and (missing := missing_bytes(path)):
        raise UserError(f"{path}: {missing} bytes of sound are missing at the end; the file is cut")


class SoundFileReader:
    """libsndfile; it seeks exactly to a sample in all its formats, MP3, Vorbis and Opus included.

    MP3 has no index: its bytes up to the part are read, though not decoded.
    """

    def __init__(self, path: Path, file: soundfile.SoundFile) -> None:
        self.path, self.file = path, file
        self.rate = file.samplerate
        self.num_samples = file.frames

    def read(self, start: int, num_samples: int | None) -> np.ndarray:
        start = min(start, self.num_samples)
        end = self.num_samples if num_samples is None else min(start + num_samples, self.num_samples)
        first = self._seek(start)
        samples = self.file.read(end - first, dtype="float32", always_2d=True)
        # libsndfile returns what it could decode of a cut file without a word.
        if len(samples) < end - first:
            raise UserError(f"{self.path}: only {len(samples)} of {end - first} samples decode; the file is cut")
        return samples[start - first :]

    def _seek(self, start: int) -> int:
        """Go to `start` or before it; returns where."""
        if not self.file.seekable():  # GSM
            return 0
        if self.file.format == "MP3" or self.file.subtype == "OPUS":
            start = max(start - round(PREROLL_S * self.rate), 0)
        if start:
            self.file.seek(start)
        return start


class PyAvReader:
    """PyAV; a part is found by its timestamps, so it is exact to the container's time base.

    That is a sample in MP4 and ADTS, a millisecond in WebM. Formats without timestamps are decoded from
    their beginning on, but only what is wanted is kept.
    """

    def __init__(self, path: Path, container: av.container.InputContainer) -> None:
        self.path, self.container = path, container
        if not container.streams.audio:
            raise UserError(f"{path}: no audio in the file")
        self.stream = container.streams.audio[0]
        # The first frame tells what headers may not: where time begins, and the rate of HE-AAC.
        self.first = next(container.decode(audio=0), None)
        if self.first is None:
            raise UserError(f"{path}: no audio in the file")
        self.rate = self.first.sample_rate

    @property
    def num_samples(self) -> int:
        suffix = self.path.suffix.lower()
        if suffix == ".g722":
            return 2 * self.path.stat().st_size  # a byte holds two samples
        if suffix in (".m4a", ".mp4") and self.stream.duration:
            return round(self.stream.duration * self.stream.time_base * self.rate)
        if suffix == ".webm" and self.container.duration:
            return round(self.container.duration * self.rate / av.time_base)
        return sum(frame.samples for _, frame in self._frames(0))

    def read(self, start: int, num_samples: int | None) -> np.ndarray:
        # Frames are collected in C and converted at once: one by one, that costs half as much as decoding them.
        fifo, first = av.AudioFifo(), start
        for position, frame in self._frames(start):
            if num_samples is not None and position >= start + num_samples:
                break
            if position + frame.samples > start:
                first = position if not fifo.samples_written else first
                self._check_like_first(frame)
                frame.pts = None  # AudioFifo refuses time stamps that do not begin at 0
                fifo.write(frame)
        if not fifo.samples_written:
            return np.empty((0, self.first.layout.nb_channels), np.float32)
        # One float format for all codecs; int16 becomes int16 / 32768 exactly.
        [whole] = av.AudioResampler(format="fltp").resample(fifo.read())
        return whole.to_ndarray().T[start - first :][:num_samples]

    def _check_like_first(self, frame: av.AudioFrame) -> None:
        expected = self.first.format.name, self.first.layout.nb_channels, self.rate
        if (frame.format.name, frame.layout.nb_channels, frame.sample_rate) != expected:
            raise UserError(f"{self.path}: its channels or its sampling rate change midway; convert it")

    def _frames(self, start: int) -> Iterator[tuple[int, av.AudioFrame]]:
        """Frames from `start` or earlier on, each with the number of its first sample."""
        before_s = start / self.rate - PREROLL_S
        if PYAV_FORMATS[self.path.suffix.lower()].seeks and before_s > 0:
            self.container.seek(self.first.pts + int(before_s / self.stream.time_base), stream=self.stream)
            for frame in self.container.decode(audio=0):
                yield round((frame.pts - self.first.pts) * self.stream.time_base * self.rate), frame
        else:
            position = 0
            for frame in chain([self.first], self.container.decode(audio=0)):
                yield position, frame
                position += frame.samples
