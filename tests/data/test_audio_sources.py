"""Audio by file, folder and data directory."""

from pathlib import Path

import pytest

from espnet_ext.data.audio_sources import list_sources
from espnet_ext.data.data_dir import write_scp
from espnet_ext.data.segments import AudioSource, Segment, write_segments
from espnet_ext.errors import UserError


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_a_folder_is_searched_through_and_sorted(tmp_path: Path) -> None:
    for name in ("b c.WAV", "x/a.1.flac", "x/y/z.mp3", "notes.txt"):
        touch(tmp_path / name)
    assert list_sources([tmp_path]) == {
        "b c": AudioSource(f"{tmp_path}/b c.WAV"),
        "x/a.1": AudioSource(f"{tmp_path}/x/a.1.flac"),
        "x/y/z": AudioSource(f"{tmp_path}/x/y/z.mp3"),
    }
    assert list(list_sources([tmp_path])) == ["b c", "x/a.1", "x/y/z"]


def test_links_to_folders_are_followed_but_not_back_up(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere" / "x.wav")
    touch(tmp_path / "corpus" / "a" / "y.wav")
    (tmp_path / "corpus" / "link").symlink_to(tmp_path / "elsewhere")
    for name, target in (("self", "."), ("up", "../.."), ("a/top", ".."), ("nowhere", "absent")):
        (tmp_path / "corpus" / name).symlink_to(target)
    assert list(list_sources([tmp_path / "corpus"])) == ["a/y", "link/x"]


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


def test_two_files_of_one_id_are_refused(tmp_path: Path) -> None:
    for name in ("one/a.wav", "two/a.wav"):
        touch(tmp_path / name)
    with pytest.raises(UserError, match=r"^a: named twice .*one/a.wav and .*two/a.wav"):
        list_sources([tmp_path / "one", tmp_path / "two"])


def test_two_formats_of_one_name_in_a_folder_are_refused_too(tmp_path: Path) -> None:
    for name in ("a.flac", "a.wav"):
        touch(tmp_path / name)
    with pytest.raises(UserError, match=r"^a: named twice .*a.flac and .*a.wav"):
        list_sources([tmp_path])


def test_what_holds_no_audio_is_named(tmp_path: Path) -> None:
    touch(tmp_path / "notes.txt")
    with pytest.raises(UserError, match="no audio in this folder; known: .*[.]flac.*[.]wav"):
        list_sources([tmp_path])
    with pytest.raises(UserError, match="nothing: no such file or folder"):
        list_sources([tmp_path / "nothing"])
