"""Opening an index: errors name missing or broken files; names keep their bytes."""

import json
from pathlib import Path

import pytest

from espnet_ext.audio.waveform import AudioSource
from espnet_ext.search.index import SearchIndex
from espnet_ext.utils.errors import UserError
from helpers.toy_recordings import Recordings, ask, build_index

NAMES = [f"r{number:02d}" for number in range(30)]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("index.sqlite", b"{" * 5000, "index.sqlite: broken index file"),
        ("index.sqlite", b"", "index.sqlite: broken index file"),
        ("index.sqlite", None, "index.sqlite: no such file; make the index with `search build`"),
        ("vectors.f32", b"", "vectors.f32: broken index file"),
        ("vectors.f32", b"cut" * 900, "vectors.f32: broken index file"),
    ],
)
def test_the_error_names_a_broken_file(
    tmp_path: Path, recordings: Recordings, file: str, content: bytes | None, message: str
) -> None:
    build_index(tmp_path / "index", recordings.make(*NAMES))
    path = tmp_path / "index" / file
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        ask(SearchIndex(tmp_path / "index"))


def test_names_that_are_not_utf8_keep_their_bytes(tmp_path: Path, recordings: Recordings) -> None:
    names = ["caf\udce9", "line\nfeed", "it's", "हिन्दी"]
    sources = recordings.make(*names, content="the same")
    index = build_index(tmp_path / "index", sources)
    assert {hit.recording: hit.audio for hit in ask(index)} == {
        name: f"{recordings.folder}/{name}.wav" for name in names
    }
    again = build_index(tmp_path / "index", sources, lambda audio: pytest.fail(f"embedded {audio}"))
    assert json.dumps(ask(again)) == json.dumps(ask(index))


def test_a_reader_does_not_see_later_recordings(tmp_path: Path, recordings: Recordings) -> None:
    reader = build_index(tmp_path / "index", recordings.make(*NAMES[:10]))
    build_index(tmp_path / "index", recordings.make(*NAMES[10:]))
    assert {hit.recording for hit in ask(reader)} == {*NAMES[:10]}


def test_an_index_folder_can_have_any_name(tmp_path: Path, recordings: Recordings) -> None:
    folder = tmp_path / "caf\udce9 100%? #1"
    index = build_index(folder, recordings.make("a"))
    assert [hit.recording for hit in ask(SearchIndex(folder))] == ["a"]
    assert index.entries([0])[0].source == AudioSource(f"{recordings.folder}/a.wav")
