"""Decode audio that libsndfile cannot read with PyAV (FFmpeg)."""

import math
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np

from espnet_ext.audio.reader import PREROLL_S, AudioReader
from espnet_ext.utils.errors import UserError

# FFmpeg's demuxers of audio. Others read text and pictures as video, and open the files of a playlist.
DEMUXERS = (
    "aac,ac3,aea,aiff,amr,amrnb,amrwb,ape,asf,asf_o,au,avi,caf,dsf,dts,dtshd,eac3,flac,flv,g722,gsm,iff,ircam,latm,loas,"
    "matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,nistsphere,ogg,oma,qcp,rm,shn,tak,truehd,tta,voc,w64,wav,wsd,wv,xwma"
)
# Suffix -> demuxer of streams without a header, which are not recognized by their content.
HEADERLESS = {".g722": "g722", ".gsm": "gsm"}
MATROSKA, MP4 = "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2"
# Timestamps are exact (Matroska: to a millisecond), and the decoder settles within PREROLL_S.
SEEKABLE = {"aac", MATROSKA, MP4}
# The duration in the header is exact (Matroska: to a millisecond).
EXACT_DURATION = {"g722", "gsm", MATROSKA, MP4}
# Decoders may drop a few samples at both ends, and containers round durations.
END_TOLERANCE_S = 0.25


def open_container(file: BinaryIO, suffix: str) -> av.container.InputContainer:
    """Open a file with the demuxer for its content, or for its suffix if it has no header.

    Raises:
        av.FFmpegError: unknown content.
    """
    file.seek(0)
    # By its descriptor: FFmpeg would also use the suffix, and open a name with a colon as an address.
    options = {"fd": str(file.fileno()), "protocol_whitelist": "fd", "format_whitelist": DEMUXERS}
    return av.open("fd:", format=HEADERLESS.get(suffix.lower()), options=options)


class PyAvReader(AudioReader):
    """Decode with PyAV.

    A part is found by its timestamps, so it is exact to the container's time base: a sample in MP4 and ADTS, a
    millisecond in WebM. Other formats are decoded from the beginning, but only the part is kept.
    """

    def __init__(self, path: Path, container: av.container.InputContainer) -> None:
        if not container.streams.audio:
            raise UserError(f"{path}: no audio in the file")
        self.container, self.stream = container, container.streams.audio[0]
        # The first frame has the start time and the rate of HE-AAC, which may be missing in headers.
        first = next(container.decode(audio=0), None)
        if first is None:
            raise UserError(f"{path}: no audio in the file")
        self.first, self.first_pts = first, first.pts or 0
        super().__init__(path, self.first.sample_rate, self.first.layout.nb_channels, self._header_samples())

    def _blocks(self, start: int, num_samples: int | None) -> Iterator[np.ndarray]:
        end = math.inf if num_samples is None else start + num_samples
        # Frames are collected in C and converted together: converting each costs half as much as decoding it.
        fifo, position = av.AudioFifo(), 0
        for frame_position, frame in self._frames(start):
            if frame_position >= end:
                break
            if frame_position + frame.samples > start:
                self._check_like_first(frame)
                position = position if fifo.samples else frame_position
                frame.pts = None  # AudioFifo refuses timestamps that do not begin at 0
                fifo.write(frame)
                if fifo.samples >= self.block_samples:
                    yield _to_float(fifo, start - position, end - position)
        if fifo.samples:
            yield _to_float(fifo, start - position, end - position)

    def _header_samples(self) -> int | None:
        """Samples in the header; None if they are only known after decoding."""
        if self.container.format.name not in EXACT_DURATION:
            return None
        if self.stream.duration:
            return round(self.stream.duration * self.stream.time_base * self.first.sample_rate)
        # Matroska has one duration for all its streams.
        if self.container.duration and len(self.container.streams) == 1:
            return round(self.container.duration * self.first.sample_rate / av.time_base)
        return None

    def _check_end(self, end: int) -> None:
        """Check the end of the last frame: FFmpeg decodes truncated Matroska files without an error."""
        if (
            self.container.format.name == MATROSKA
            and self.header_samples
            and end < self.header_samples - END_TOLERANCE_S * self.rate
        ):
            raise UserError(f"{self.path}: only {end} of {self.header_samples} samples decode; the file is cut")

    def _check_like_first(self, frame: av.AudioFrame) -> None:
        expected = self.first.format.name, self.first.layout.nb_channels, self.rate
        if (frame.format.name, frame.layout.nb_channels, frame.sample_rate) != expected:
            raise UserError(f"{self.path}: its channels or its sampling rate change midway; convert it")

    def _frames(self, start: int) -> Iterator[tuple[int, av.AudioFrame]]:
        """Frames from `start` or before it, each with the index of its first sample."""
        before_s = start / self.rate - PREROLL_S
        frames: Iterable[av.AudioFrame] = chain([self.first], self.container.decode(audio=0))
        seeks = self.container.format.name in SEEKABLE and before_s > 0
        if seeks:
            self.container.seek(self.first_pts + int(before_s / self.stream.time_base), stream=self.stream)
            frames = self.container.decode(audio=0)
        position, timed_end = 0, None
        for frame in frames:
            time = position if frame.pts is None else self._to_samples(frame.pts - self.first_pts)
            timed_end = time + frame.samples
            yield (time if seeks else position), frame
            position += frame.samples
        if timed_end is not None:  # None: the part starts after the last frame
            self._check_end(timed_end)

    def _to_samples(self, ticks: int) -> int:
        return round(ticks * self.stream.time_base * self.rate)


def _to_float(fifo: av.AudioFifo, start: int, end: float) -> np.ndarray:
    """Empty a buffer; returns the samples of a part as float32 (samples, channels). int16 becomes int16 / 32768."""
    [block] = av.AudioResampler(format="fltp").resample(fifo.read())
    return block.to_ndarray().T[max(start, 0) : int(min(end, block.samples))]
