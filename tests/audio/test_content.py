"""The decoder is chosen by the content of a file; errors describe files that are not audio."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_ext.audio.waveform import audio_length, read_audio
from espnet_ext.utils.errors import UserError
from helpers.pyav_files import write_pyav

SAMPLES = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
PYAV = {
    "aac.m4a": ("ipod", "aac"),
    "fragments.mp4": ("mp4", "aac"),
    "aac.aac": ("adts", "aac"),
    "aac.3gp": ("3gp", "aac"),
    "pcm.mov": ("mov", "pcm_s16le"),
    "opus.webm": ("webm", "libopus"),
    "flac.mka": ("matroska", "flac"),
    "opus.oga": ("ogg", "libopus"),
    "lame.mp3": ("mp3", "libmp3lame"),
    "mp3.wav": ("wav", "libmp3lame"),
    "pcm.avi": ("avi", "pcm_s16le"),
}
OTHERS = {
    b"<!DOCTYPE html>\n<html>": "an HTML page",
    b"\n <HTML><body>404": "an HTML page",
    b"<?xml version='1.0'?><Error/>": "an XML document",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n": "a Git LFS pointer; run `git lfs pull`",
    b"/annex/objects/SHA256E-s1--0.wav\n": "a git-annex pointer",
    b"\x00\x05\x16\x07" + bytes(4000): "macOS metadata",
    bytes(4000): "only zero bytes",
    b"PK\x03\x04" + bytes(range(200)): "a ZIP archive",
    b'{"detail": "not found"}': "a text file",
    "ä".encode() * 700: "a text file",
    b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nflac.mka\n#EXT-X-ENDLIST\n": "a text file",
    b"ffconcat version 1.0\nfile flac.mka\n": "a text file",
    np.random.default_rng(0).bytes(64_000): "damaged, or of no known format",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for name, (container_format, codec) in PYAV.items():
        options = {"movflags": "frag_keyframe+empty_moov"} if name == "fragments.mp4" else {}
        write_pyav(folder / name, container_format, codec, SAMPLES, **options)
    soundfile.write(folder / "pcm.wav", SAMPLES, 16_000)
    soundfile.write(folder / "vorbis.ogg", SAMPLES, 16_000)
    return folder


@pytest.mark.parametrize("name", [*PYAV, "pcm.wav", "vorbis.ogg"])
def test_the_suffix_does_not_choose_the_decoder(folder: Path, tmp_path: Path, name: str) -> None:
    expected, rate = read_audio(folder / name)
    assert len(expected) >= rate
    for other in ("x.wav", "x.ogg", "x.flac", "x.MP3", "x.m4a", "x.webm", "x.raw", "x.txt", "x"):
        (tmp_path / other).write_bytes((folder / name).read_bytes())
        np.testing.assert_array_equal(read_audio(tmp_path / other)[0], expected)
        assert audio_length(tmp_path / other) == audio_length(folder / name)


@pytest.mark.parametrize("name", ["pcm.mov", "flac.mka", "pcm.avi"])
def test_lossless_audio_is_equal_in_every_container(folder: Path, name: str) -> None:
    np.testing.assert_allclose(read_audio(folder / name)[0], SAMPLES, atol=2**-15)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".raw", ".m3u8", ""])
@pytest.mark.parametrize(("content", "kind"), OTHERS.items(), ids=[str(number) for number in range(len(OTHERS))])
def test_the_error_describes_a_file_that_is_not_audio(folder: Path, content: bytes, kind: str, suffix: str) -> None:
    path = folder / f"other{suffix}"  # next to the files that a playlist names
    path.write_bytes(content)
    for read in (read_audio, audio_length):
        with pytest.raises(UserError, match=f"other{suffix}: cannot decode audio: the file is {kind}"):
            read(path)


@pytest.mark.parametrize("name", ["http:x", "a|b", "a\nb", "%03d", "concat:a", "caf\udce9"])
@pytest.mark.parametrize("original", ["pcm.wav", "flac.mka"])
def test_any_name_can_be_opened(folder: Path, tmp_path: Path, name: str, original: str) -> None:
    (tmp_path / name).write_bytes((folder / original).read_bytes())
    assert len(read_audio(tmp_path / name)[0]) == 16_000


@pytest.mark.parametrize("name", ["flac.mka", "opus.webm"])
def test_the_error_names_a_truncated_matroska_file(folder: Path, tmp_path: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=rf"{name}: only \d+ of \d+ samples decode; the file is cut"):
        read_audio(tmp_path / name)
