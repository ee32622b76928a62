"""Segments of long recordings: the segments file, and reading only their audio."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_ext.audio.waveform import AudioSource, lie_within, read_source
from espnet_ext.kaldi.segments import Segment, read_segments, write_segments
from espnet_ext.utils.errors import UserError

RATE = 16000
TALK = np.random.default_rng(0).integers(-20000, 20000, 10 * RATE).astype(np.int16)


@pytest.fixture
def talk(tmp_path: Path) -> str:
    soundfile.write(tmp_path / "talk.flac", TALK, RATE, subtype="PCM_16")
    return str(tmp_path / "talk.flac")


def test_written_segments_are_read_back_equal(tmp_path: Path) -> None:
    segments = {
        "s-2": Segment("talk", ((0.1 + 0.2, 1e-7 + 3), (4.0, 5.123456789))),
        "s-1": Segment("other", ((0.0, 0.84),)),
    }
    write_segments(tmp_path / "segments", segments)
    assert read_segments(tmp_path / "segments") == segments
    assert (tmp_path / "segments").read_text().splitlines()[0] == "s-1 other 0.0 0.84"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("b talk 1.0", "segments:2: expected `utterance recording start_s end_s ...`, found 'b talk 1.0'"),
        ("b talk", "segments:2: expected"),
        ("b talk one two", "segments:2: expected"),
        ("b talk 1 2 3", r"segments:2: utterance 'b' has a channel column \('3'\), .*; write each channel"),
        ("b talk 1 2 A", r"segments:2: utterance 'b' has a channel column \('A'\)"),
        ("b talk 1 2 3 4 5", "segments:2: expected"),
        ("b talk 1 -1", "segments:2: utterance 'b' ends at -1"),
        ("b\u00a0talk 1 2", r"segments:2: U\+00A0 \(NO-BREAK SPACE\)"),
        ("b talk 2 2", "segments:2: utterance 'b' lasts from 2 s to 2 s"),
        ("b talk 1 2 5 4", "segments:2: utterance 'b' lasts from 5 s to 4 s"),
        ("b talk -1 2", "segments:2: utterance 'b' lasts from -1 s to 2 s"),
        ("b talk nan 2", "segments:2: utterance 'b' lasts from nan s"),
        ("b talk 1 inf", "segments:2: utterance 'b' lasts from 1 s to inf s"),
    ],
)
def test_the_error_names_a_bad_line(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "segments").write_text(f"a talk 0 1\n{line}\n")
    with pytest.raises(UserError, match=message):
        read_segments(tmp_path / "segments")


def test_blanks_and_tabs_between_fields_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "segments").write_text("\ufeff a\ttalk  0\t 1 \nb  talk 1 2\t\n", encoding="utf-8")
    assert read_segments(tmp_path / "segments") == {
        "a": Segment("talk", ((0.0, 1.0),)),
        "b": Segment("talk", ((1.0, 2.0),)),
    }


def test_spans_are_cut_out_and_concatenated(talk: str) -> None:
    samples, rate = read_source(AudioSource(talk, ((8.0, 8.5), (1.25, 2.0))))
    assert (rate, samples.dtype) == (RATE, np.float32)
    expected = np.concatenate([TALK[8 * RATE : 8 * RATE + 8000], TALK[20000:32000]]) / np.float32(32768)
    np.testing.assert_array_equal(samples, expected)


def test_without_spans_the_utterance_is_the_whole_file(talk: str) -> None:
    np.testing.assert_array_equal(read_source(AudioSource(talk))[0], TALK / np.float32(32768))


def test_an_end_just_beyond_the_recording_is_clipped_and_a_later_end_is_refused(talk: str) -> None:
    samples, _ = read_source(AudioSource(talk, ((9.5, 10.05),)))
    np.testing.assert_array_equal(samples, TALK[-8000:] / np.float32(32768))
    with pytest.raises(UserError, match=r"talk.flac: ends 0.2 s before a segment from 9.5 to 10.2 s;"):
        read_source(AudioSource(talk, ((9.5, 10.2),)))
    with pytest.raises(UserError, match="before a segment from 10 to"):
        read_source(AudioSource(talk, ((10.0, 10.05),)))


@pytest.mark.parametrize(
    ("spans", "within"),
    [
        (((0.0, 10.0),), True),
        (((0.0, 1.0), (9.9, 10.1)), True),
        (((9.9, 10.11),), False),
        (((10.0, 10.05),), False),
        (((-0.1, 1.0),), False),
    ],
)
def test_spans_start_within_the_recording_and_end_shortly_after_it_at_the_latest(
    talk: str, spans: tuple[tuple[float, float], ...], within: bool
) -> None:
    assert lie_within(spans, 10.0) == within
    if within:
        assert len(read_source(AudioSource(talk, spans))[0]) > 0


def test_channels_of_a_long_recording_are_averaged(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([TALK, -TALK // 2], axis=1), RATE)
    with pytest.raises(UserError, match="2 channels"):
        read_source(AudioSource(str(tmp_path / "a.wav")))
    samples, _ = read_source(AudioSource(str(tmp_path / "a.wav"), ((1.0, 2.0),)))
    expected = (TALK / 32768 + (-TALK // 2) / 32768)[RATE : 2 * RATE] / 2
    np.testing.assert_allclose(samples, expected, atol=1e-7)


def test_sources_overlap_if_they_share_audio() -> None:
    part = AudioSource("a", ((1.0, 2.0), (5.0, 6.0)))
    assert part.overlaps(AudioSource("a"))
    assert part.overlaps(AudioSource("a", ((5.9, 7.0),)))
    assert not part.overlaps(AudioSource("a", ((2.0, 5.0),)))
    assert not part.overlaps(AudioSource("b", ((1.0, 2.0),)))
