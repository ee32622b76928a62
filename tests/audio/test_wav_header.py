"""Data sizes in headers: placeholders in WAV written to a pipe, and truncated files."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_ext.audio.waveform import AudioSource, audio_length, read_audio, read_source
from espnet_ext.utils.errors import UserError

PCM = np.random.default_rng(0).integers(-20000, 20000, 48000).astype(np.int16)
PIPE_SIZES = (
    0x7FFFF000,
    0x7FFFEFFF,
    0x7FFFFF00,
    0x7FFFFFFF - 44,
    0x80000000,
    0xFFFFF000,
    0xFFFFFFFF - 36,
    0xFFFFFFFF,
    0,
)


def write_with_size(path: Path, size: int, chunk: bytes = b"", subtype: str = "PCM_16") -> None:
    """Write WAV with a given data size after another chunk, as FFmpeg and SoX write to a pipe."""
    soundfile.write(path, PCM / 32768, 16000, subtype=subtype)
    content = path.read_bytes()
    data = content.index(b"data")
    riff_size = struct.pack("<I", min(size + 36, 0xFFFFFFFF))
    sound = struct.pack("<I", size) + content[data + 8 :]
    path.write_bytes(b"RIFF" + riff_size + content[8:data] + chunk + b"data" + sound)


@pytest.mark.parametrize("chunk", [b"", b"LIST\x04\0\0\0INFO"])
@pytest.mark.parametrize("size", PIPE_SIZES)
def test_wav_written_to_a_pipe_is_read_to_its_end(tmp_path: Path, size: int, chunk: bytes) -> None:
    write_with_size(tmp_path / "a.wav", size, chunk)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav")[0], PCM / np.float32(32768))
    part, _ = read_source(AudioSource(str(tmp_path / "a.wav"), ((1.25, 1.5),)))
    np.testing.assert_array_equal(part, PCM[20_000:24_000] / np.float32(32768))
    assert audio_length(tmp_path / "a.wav") == (48_000, 16_000)


@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_24", "ULAW"])
def test_wav_of_other_codecs_without_a_size_has_the_same_samples(tmp_path: Path, subtype: str) -> None:
    soundfile.write(tmp_path / "a.wav", PCM / 32768, 16000, subtype=subtype)
    expected, _ = read_audio(tmp_path / "a.wav")
    write_with_size(tmp_path / "a.wav", 0, subtype=subtype)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav")[0], expected)


@pytest.mark.parametrize("size", [0x7FFE0000, 0x60000000, 0xC0000000])
def test_a_size_that_is_not_a_placeholder_means_a_truncated_file(tmp_path: Path, size: int) -> None:
    write_with_size(tmp_path / "a.wav", size)
    with pytest.raises(
        UserError, match=rf"a\.wav: {size - 96_000} bytes of sound are missing at the end; the file is cut"
    ):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize(("file_format", "endian"), [("WAV", "BIG"), ("WAV", "LITTLE"), ("RF64", None), ("AIFF", None)])
def test_the_error_names_a_truncated_file_with_any_suffix(tmp_path: Path, file_format: str, endian: str | None) -> None:
    soundfile.write(tmp_path / "a", PCM, 16000, format=file_format, subtype="PCM_16", endian=endian)
    assert audio_length(tmp_path / "a") == (48_000, 16_000)
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:50_000])
    with pytest.raises(UserError, match=r"a: 46\d\d\d bytes of sound are missing"):
        audio_length(tmp_path / "a")


def test_chunks_after_empty_audio_are_not_audio(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", PCM[:0], 16000)
    with open(tmp_path / "a.wav", "ab") as file:
        file.write(b"LIST\x04\0\0\0INFOid3 \x03\0\0\0abc\0")
    with pytest.raises(UserError, match=r"a\.wav: no samples"):
        read_audio(tmp_path / "a.wav")
