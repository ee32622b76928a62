"""Lengths from headers: correct in every format of the corpora, in order, with a name for every fault."""

from pathlib import Path

import pytest

from espnet_ext.audio.pyav_reader import PyAvReader
from espnet_ext.audio.waveform import read_audio
from espnet_ext.corpora import lengths
from espnet_ext.corpora.lengths import AudioLength, header_length, header_lengths
from helpers.clips import tone, write_audio


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3", ".m4a"])
def test_the_header_agrees_with_decoding(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_audio(path, tone(300, 1.2345))
    assert header_length(path) == AudioLength(len(read_audio(path)[0])) == AudioLength(19752)


def test_an_mp4_file_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_audio(tmp_path / "a.m4a", tone(300))
    monkeypatch.setattr(PyAvReader, "blocks", None)
    assert header_length(tmp_path / "a.m4a").num_samples == 8000


def test_faults_have_fixed_names(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.m4a").write_bytes(b"text")
    write_audio(tmp_path / "silent.wav", tone(300, 0.0))
    write_audio(tmp_path / "cut.wav", tone(300))
    (tmp_path / "cut.wav").write_bytes((tmp_path / "cut.wav").read_bytes()[:-100])
    names = ("absent.wav", "empty.wav", "text.m4a", "silent.wav", "cut.wav")
    assert [header_length(tmp_path / name).fault for name in names] == [
        "no audio file", "audio cannot be read", "audio cannot be read", "no sound in the file", "audio cannot be read"
    ]  # fmt: skip


def test_many_files_keep_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lengths, "CHUNK_SIZE", 3)
    paths = []
    for number in range(8):
        paths.append(str(tmp_path / f"{number}.wav"))
        if number != 5:
            write_audio(Path(paths[-1]), tone(300, 0.1 + number / 100))
    found = header_lengths(paths, 2, "test")
    assert [length.num_samples for length in found] == [0 if n == 5 else 1600 + 160 * n for n in range(8)]
