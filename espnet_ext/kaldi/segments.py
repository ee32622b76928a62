"""Kaldi's `segments` file: utterances that are parts of long recordings."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from espnet_ext.audio.waveform import AudioSource, Spans, audio_length, lie_within
from espnet_ext.kaldi.scp import iter_scp, split_fields, write_scp
from espnet_ext.utils.errors import UserError


class Segment(NamedTuple):
    """A line of `segments`: the parts of a recording that are concatenated, (start, end) in seconds."""

    recording: str
    spans: Spans


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
        for start, end in spans:
            if not 0 <= start < end < math.inf:
                message = f"utterance {utterance!r} lasts from {start:g} s to {end:g} s; correct or leave it out"
                raise UserError(f"{where}: {message}")
        segments[utterance] = Segment(recording, spans)
    return segments


def _parse_spans(utterance: str, fields: Sequence[str], where: str) -> Spans | None:
    """Convert pairs of times to spans; None for other fields. Refuses (UserError) forms that only Kaldi reads."""
    if len(fields) == 3:
        raise UserError(
            f"{where}: utterance {utterance!r} has a channel column ({fields[2]!r}), which is not supported; "
            "write each channel to a separate file and remove the column"
        )
    if fields[1:] and fields[-1] in ("-1", "-1.0"):
        raise UserError(f"{where}: utterance {utterance!r} ends at -1 (Kaldi's end of the recording); write the time")
    try:
        times = [float(field) for field in fields]
    except ValueError:
        return None
    return tuple(zip(times[::2], times[1::2], strict=True)) if times and len(times) % 2 == 0 else None


def write_segments(path: str | Path, segments: Mapping[str, Segment]) -> None:
    """Write a `segments` file sorted by utterance; times are read back unchanged."""
    lines = {}
    for utterance, (recording, spans) in segments.items():
        lines[utterance] = " ".join([recording, *(repr(float(time)) for span in spans for time in span)])
    write_scp(path, lines)


def check_ends(sources: Mapping[str, AudioSource], where: str | Path) -> None:
    """Check the spans of every utterance against the length of its file, from the headers.

    Args:
        where: the `segments` file, for the message.

    Raises:
        UserError: naming an utterance that is not within its file, or a file that cannot be read.
    """
    durations_s: dict[str, float] = {}
    for number, (utterance, source) in enumerate(sources.items(), 1):
        if source.path not in durations_s:
            num_samples, rate = audio_length(source.path)
            durations_s[source.path] = num_samples / rate
        if not lie_within(source.spans, durations_s[source.path]):
            end = max(end for _, end in source.spans)
            raise UserError(
                f"{where}:{number}: utterance {utterance!r} ends at {end:g} s, "
                f"but {source.path} lasts {durations_s[source.path]:g} s"
            )
