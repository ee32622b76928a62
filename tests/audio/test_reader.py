"""Numbers in headers: impossible ones are refused before memory is allocated, and missing lengths are counted."""

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_ext.audio.waveform import AudioSource, audio_length, read_audio, read_source
from espnet_ext.audio.windows import read_windows
from espnet_ext.utils.errors import UserError
from helpers.pyav_files import write_pyav

PCM = np.random.default_rng(0).integers(-20000, 20000, 48000).astype(np.int16)
SAMPLES = PCM / np.float32(32768)


def edit(path: Path, offset: int, content: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(content)


@pytest.mark.parametrize(
    ("offset", "number", "error"),
    [
        (24, struct.pack("<I", 1), "sampling rate 1 Hz, expected 1,000 to 1,000,000 Hz"),
        (24, struct.pack("<I", 100_000_000), r"sampling rate 1e\+08 Hz"),
        (24, bytes(4), "cannot decode audio"),
        (24, b"\xff" * 4, "cannot decode audio"),
        (22, struct.pack("<H", 1024), "1024 channels in the header, expected 1 to 256"),
        (22, bytes(2), "cannot decode audio"),
        (22, b"\xff" * 2, "cannot decode audio"),
        (34, b"\xff" * 2, "cannot decode audio"),
    ],
)
def test_the_error_names_impossible_numbers_in_a_wav_header(
    tmp_path: Path, offset: int, number: bytes, error: str
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, PCM, 16000, subtype="PCM_16")
    edit(path, offset, number)
    tracemalloc.start()
    for read in (read_audio, audio_length, lambda path: list(read_windows(path, 16_000, 160_000, True))):
        with pytest.raises(UserError, match=f"a.wav: {error}"):
            read(path)
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


def write_flac(path: Path, num_samples: int, subtype: str = "PCM_16") -> None:
    """Write FLAC with another number of samples in its header."""
    soundfile.write(path, PCM, 16000, subtype=subtype)
    first = path.read_bytes()[21] & 0xF0 | num_samples >> 32
    edit(path, 21, bytes([first]) + struct.pack(">I", num_samples & 0xFFFFFFFF))


@pytest.mark.parametrize(
    ("num_samples", "error"),
    [(2**36 - 1, "68719476735 samples in the header, more than"), (10**7, "only 48000 of 1000")],
)
def test_the_error_names_a_header_with_too_many_samples(tmp_path: Path, num_samples: int, error: str) -> None:
    write_flac(tmp_path / "a.flac", num_samples)
    with pytest.raises(UserError, match=f"a.flac: {error}"):
        read_audio(tmp_path / "a.flac")


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_flac_without_a_length_in_the_header_is_read(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "a.flac"
    write_flac(path, 0, subtype)
    np.testing.assert_array_equal(read_audio(path)[0], SAMPLES)
    parts, _ = read_source(AudioSource(str(path), ((2.5, 2.75), (0.0, 0.25))))
    np.testing.assert_array_equal(parts, SAMPLES[np.r_[40_000:44_000, 0:4_000]])
    np.testing.assert_array_equal(np.concatenate(list(read_windows(path, 16_000, 7000, False))), SAMPLES)
    assert audio_length(path) == (48_000, 16_000)
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(UserError, match="a.flac: cannot decode audio"):
        read_audio(path)


@pytest.mark.parametrize(("suffix", "chunk", "offset"), [("au", b".snd", 8), ("caf", b"data", 4), ("w64", b"data", 16)])
def test_other_formats_without_a_length_are_read_to_their_end(
    tmp_path: Path, suffix: str, chunk: bytes, offset: int
) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, PCM, 16000, subtype="PCM_16")
    start = path.read_bytes().index(chunk) + offset
    edit(path, start, {"au": b"\xff" * 4, "caf": b"\xff" * 8, "w64": b"\xff" * 7 + b"\x7f"}[suffix])
    np.testing.assert_array_equal(read_audio(path)[0], SAMPLES)
    assert audio_length(path) == (48_000, 16_000)


def test_webm_of_a_live_stream_has_its_decoded_length(tmp_path: Path) -> None:
    write_pyav(tmp_path / "a.webm", "webm", "libopus", SAMPLES, live="1")
    samples, rate = read_audio(tmp_path / "a.webm")
    assert audio_length(tmp_path / "a.webm") == (len(samples), rate) == (144_000, 48_000)
