"""Utterances that are parts of long recordings: Kaldi's `segments` file, and reading by offset."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from espnet_ext.audio.waveform import audio_length, read_audio, read_spans
from espnet_ext.kaldi.scp import iter_scp, split_fields, write_scp
from espnet_ext.utils.errors import UserError

Spans = tuple[tuple[float, float], ...]

# Corpora round times to centiseconds or worse, and encoders shift an end by a frame: a span may reach this
# far beyond its recording, and is then cut at the recording's end.
END_TOLERANCE_S = 0.1


class AudioSource(NamedTuple):
    """Where the audio of an utterance is.

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


class Segment(NamedTuple):
    """A line of `segments`: the parts of a recording that are concatenated, (start, end) in seconds."""

    recording: str
    spans: Spans

    @property
    def duration_s(self) -> float:
        return math.fsum(end - start for start, end in self.spans)


def read_segments(path: str | Path) -> dict[str, Segment]:
    """Read lines `<utterance> <recording> <start_s> <end_s> [<start_s> <end_s> ...]`.

    Raises:
        UserError: naming file, line and utterance of a line without pairs of times or with a channel, or of a
            span that ends before it starts; and as `iter_scp`.
    """
    segments = {}
    for number, (utterance, value) in enumerate(iter_scp(path), 1):
        recording, *fields = split_fields(value)
        where = f"{path}:{number}"
        spans = _parse_spans(utterance, fields, where)
        if spans is None:
            line = f"{utterance} {value}"
            raise UserError(f"{where}: expected `utterance recording start_s end_s ...`, found {line!r}")
        check_spans(spans, f"{where}: utterance {utterance!r}")
        segments[utterance] = Segment(recording, spans)
    return segments


def _parse_spans(utterance: str, fields: Sequence[str], where: str) -> Spans | None:
    """Convert pairs of times to spans; None if they are not. Refuses (UserError) what only Kaldi allows."""
    if len(fields) == 3:
        raise UserError(
            f"{where}: utterance {utterance!r} has a channel column ({fields[2]!r}), which is not supported; "
            "write each channel to a file of its own and remove the column"
        )
    if fields[1:] and fields[-1] in ("-1", "-1.0"):
        raise UserError(f"{where}: utterance {utterance!r} ends at -1 (Kaldi's end of the recording); write the time")
    try:
        times = [float(field) for field in fields]
    except ValueError:
        return None
    return tuple(zip(times[::2], times[1::2], strict=True)) if times and len(times) % 2 == 0 else None


def check_spans(spans: Spans, where: str) -> None:
    """Refuse (UserError) a span that is not 0 <= start < end < infinity."""
    for start, end in spans:
        if not 0 <= start < end < math.inf:
            raise UserError(f"{where} lasts from {start:g} s to {end:g} s; correct or leave it out")


def write_segments(path: str | Path, segments: Mapping[str, Segment]) -> None:
    """Write a `segments` file sorted by utterance; times are written so that they read back equal."""
    write_scp(
        path,
        {
            utterance: " ".join([segment.recording, *(repr(float(time)) for span in segment.spans for time in span)])
            for utterance, segment in segments.items()
        },
    )


def lie_within(spans: Spans, duration_s: float) -> bool:
    """Whether every span begins within a recording and ends so, or less than END_TOLERANCE_S later."""
    return all(0 <= start < duration_s and end <= duration_s + END_TOLERANCE_S for start, end in spans)


def check_ends(sources: Mapping[str, AudioSource], where: str | Path) -> None:
    """Check every utterance's spans against the length of its file, from the headers.

    Args:
        where: the `segments` file, for the message.

    Raises:
        UserError: naming the utterance that does not lie within its file, or a file that cannot be read.
    """
    duration_s: dict[str, float] = {}
    for number, (utterance, source) in enumerate(sources.items(), 1):
        if source.path not in duration_s:
            num_samples, rate = audio_length(source.path)
            duration_s[source.path] = num_samples / rate
        if not lie_within(source.spans, duration_s[source.path]):
            end = max(end for _, end in source.spans)
            raise UserError(
                f"{where}:{number}: utterance {utterance!r} ends at {end:g} s, "
                f"but {source.path} lasts {duration_s[source.path]:g} s"
            )


def read_source(source: AudioSource, *, downmix: bool = False) -> tuple[np.ndarray, int]:
    """Decode an utterance; of a long recording, no more than its spans.

    Args:
        downmix: average the channels of a file that has several, instead of refusing it. Those of long
            recordings always are: talks and sessions come in stereo, both channels being the room.

    Returns:
        float32 (samples,) in [-1, 1], and the file's sampling rate in Hz.

    Raises:
        UserError: as `read_audio`, or `read_spans` with END_TOLERANCE_S.
    """
    if source.spans:
        return read_spans(source.path, source.spans, END_TOLERANCE_S)
    return read_audio(source.path, downmix=downmix)
