"""Audio by file, folder and data directory."""

import os
from pathlib import Path

import pytest
import soundfile

from espnet_ext.audio.files import AUDIO_SUFFIXES
from espnet_ext.audio.pyav_reader import HEADERLESS
from espnet_ext.audio.waveform import AudioSource
from espnet_ext.kaldi.scp import write_scp
from espnet_ext.kaldi.segments import Segment, write_segments
from espnet_ext.kaldi.sources import list_sources
from espnet_ext.utils.errors import UserError


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_a_folder_is_searched_recursively_and_sorted(tmp_path: Path) -> None:
    for name in ("b c.WAV", "x/a.1.flac", "x/y/z.mp3", "notes.txt"):
        touch(tmp_path / name)
    assert list_sources([tmp_path]) == {
        "b c": AudioSource(f"{tmp_path}/b c.WAV"),
        "x/a.1": AudioSource(f"{tmp_path}/x/a.1.flac"),
        "x/y/z": AudioSource(f"{tmp_path}/x/y/z.mp3"),
    }
    assert list(list_sources([tmp_path])) == ["b c", "x/a.1", "x/y/z"]


def test_links_to_folders_are_followed_except_to_parents(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere" / "x.wav")
    touch(tmp_path / "corpus" / "a" / "y.wav")
    (tmp_path / "corpus" / "link").symlink_to(tmp_path / "elsewhere")
    for name, target in (("self", "."), ("up", "../.."), ("a/top", ".."), ("nowhere", "absent")):
        (tmp_path / "corpus" / name).symlink_to(target)
    assert list(list_sources([tmp_path / "corpus"])) == ["a/y", "link/x"]


def test_every_file_is_listed_once_with_any_links(tmp_path: Path) -> None:
    for one, others in {"a": "bc", "b": "ac", "c": "ab"}.items():
        touch(tmp_path / one / f"{one}.wav")
        for other in others:
            (tmp_path / one / f"to {other}").symlink_to(f"../{other}")
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    touch(tmp_path / "elsewhere" / "deep" / "x.wav")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path)
    for name in ("one", "two"):
        (tmp_path / "b" / name).symlink_to("../elsewhere/deep")
    assert list(list_sources([tmp_path])) == ["a/a", "b/b", "c/c", "elsewhere/deep/x"]
    assert list(list_sources([tmp_path / "b"])) == ["b", "one/x", "to a/a", "to c/c"]


AUDIO_NAMES = [
    "a.wav", "b.m.M4A", "c.aif", "d.oga", "e.sph", "f.snd", "g.aifc", "h.mpga", "i.wave", "j.m4b", "k.mka", "l.3gp",
    "m.mov", "n.OPUS", "o.gsm", "p.g722", "q.webm",
]  # fmt: skip


def test_audio_is_found_by_name_or_content_and_other_files_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in AUDIO_NAMES:
        touch(tmp_path / name)
    contents = {
        "r": b"RIFF\x24\0\0\0WAVEfmt ",
        "s.2024": b"fLaC\0\0\0\x22",
        "t.bin": b"\0\0\0\x20ftypM4A ",
        "u.dat": b"\xff\xfb\x90\0",
        "not/picture.heic": b"\0\0\0\x20ftypheic",
        "not/utf-16.txt": b"\xff\xfea\0b\0",
        "not/webp.webp": b"RIFF\x24\0\0\0WEBP",
        "not/notes.txt": b"RIFF is a format",
        "not/x.raw": bytes(range(7, 71)),
        "not/empty": b"",
        "not/._a.wav": b"\0\5\x16\7" + bytes(60),
        "not/.hidden/a.wav": b"RIFF\x24\0\0\0WAVEfmt ",
    }
    for name, content in contents.items():
        touch(tmp_path / name).write_bytes(content)
    (tmp_path / "not" / "gone.wav").symlink_to("nowhere.wav")
    (tmp_path / "not" / "self.wav").symlink_to("self.wav")
    os.mkfifo(tmp_path / "not" / "pipe.wav")
    found = list_sources([tmp_path])
    expected = [*(name.rpartition(".")[0] for name in AUDIO_NAMES), "r", "s.2024", "t.bin", "u.dat"]
    assert list(found) == expected
    assert capsys.readouterr().err == (
        f"{tmp_path}: 21 audio files; skipped: 2 hidden, 3 neither a file nor a link to one, "
        "6 not audio by name or content\n"
    )


def test_nothing_is_printed_for_a_folder_with_only_audio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    touch(tmp_path / "a.wav")
    list_sources([tmp_path])
    assert capsys.readouterr() == ("", "")


def test_every_decoder_suffix_with_a_header_is_listed() -> None:
    known_by_libsndfile = {f".{name.lower()}" for name in soundfile.available_formats()}
    assert known_by_libsndfile - AUDIO_SUFFIXES == {".mat4", ".mat5", ".mpc2k", ".raw", ".wavex"}
    assert set(HEADERLESS) <= AUDIO_SUFFIXES


def test_files_and_data_directories_are_listed_in_the_order_named(tmp_path: Path) -> None:
    file = touch(tmp_path / "z.wav")
    (tmp_path / "data").mkdir()
    write_scp(tmp_path / "data" / "wav.scp", {"u1": "/somewhere/a b.wav", "u2": "audio.ark:12"})
    sources = list_sources([file, tmp_path / "data"])
    assert [(name, audio.path) for name, audio in sources.items()] == [
        (str(file), str(file)),
        ("u1", "/somewhere/a b.wav"),
        ("u2", "audio.ark:12"),
    ]


def test_a_data_directory_with_segments_lists_its_utterances(tmp_path: Path) -> None:
    write_scp(tmp_path / "wav.scp", {"talk": "/talk.flac"})
    write_segments(tmp_path / "segments", {"u1": Segment("talk", ((1.0, 2.5), (3.0, 4.0)))})
    assert list_sources([tmp_path]) == {"u1": AudioSource("/talk.flac", ((1.0, 2.5), (3.0, 4.0)))}


def test_two_files_with_one_id_are_refused(tmp_path: Path) -> None:
    for name in ("one/a.wav", "two/a.wav"):
        touch(tmp_path / name)
    with pytest.raises(UserError, match=r"^a: named twice .*one/a.wav and .*two/a.wav"):
        list_sources([tmp_path / "one", tmp_path / "two"])


def test_two_formats_with_one_name_in_a_folder_are_refused(tmp_path: Path) -> None:
    for name in ("a.flac", "a.wav"):
        touch(tmp_path / name)
    with pytest.raises(UserError, match=r"^a: named twice .*a.flac and .*a.wav"):
        list_sources([tmp_path])


def test_the_error_names_a_folder_without_audio(tmp_path: Path) -> None:
    touch(tmp_path / "notes.txt")
    with pytest.raises(UserError, match=r"no audio in this folder \(1 not audio by name or content\); name"):
        list_sources([tmp_path])
    with pytest.raises(UserError, match="nothing: no such file or folder"):
        list_sources([tmp_path / "nothing"])
