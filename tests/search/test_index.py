"""Opening an index: files that are missing or broken are named."""

from pathlib import Path

import numpy as np
import pytest
from toy_recordings import Recordings, ask, embed_content

from espnet_ext.errors import UserError
from espnet_ext.search.build import build_index
from espnet_ext.search.index import SearchIndex
from espnet_ext.search.manifest import Manifest

pytestmark = pytest.mark.usefixtures("small_segments")
NAMES = [f"r{number:02d}" for number in range(30)]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("index.json", "{", "broken index file"),
        ("index.json", '{"format": 2}', "format 2, this version reads 1"),
        ("index.json", "{}", "missing key"),
        ("index.json", None, "make the index with `search build`"),
        ("segments/000001/sem.npy", None, "broken index file"),
        ("segments/000001/sem.npy", "", "broken index file"),
        ("segments/000001/spk.npy", "cut", "broken index file"),
        ("segments/000001/segment.json", '{"num_rows": 8, "replaces": [[0, 8]]}', "replaces recordings that"),
        ("segments/000001/segment.json", "[]", "broken index file"),
        ("segments/000000/entries.jsonl", "cut", "recordings, expected 8"),
        ("segments/000000/entries.jsonl", "{}\n" * 8, "broken index file"),
    ],
)
def test_broken_files_are_named(
    tmp_path: Path, recordings: Recordings, manifest: Manifest, file: str, content: str | None, message: str
) -> None:
    build_index(tmp_path / "index", manifest, recordings.make(*NAMES), embed_content)
    path = tmp_path / "index" / file
    if content is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-20] if content == "cut" else content.encode())
    with pytest.raises(UserError, match=f"{file}: .*{message}"):
        ask(SearchIndex.open(tmp_path / "index"))


def test_vectors_of_another_shape_are_named(tmp_path: Path, recordings: Recordings, manifest: Manifest) -> None:
    index = build_index(tmp_path / "index", manifest, recordings.make(*NAMES), embed_content)
    np.save(index.segments[1].folder / "spk.npy", np.ones((8, 5), np.float32))
    with pytest.raises(UserError, match=r"000001/spk.npy: .*float32 \(8, 5\), expected float32 \(8, 6\)"):
        SearchIndex.open(tmp_path / "index")


def test_a_missing_segment_is_named(tmp_path: Path, recordings: Recordings, manifest: Manifest) -> None:
    index = build_index(tmp_path / "index", manifest, recordings.make(*NAMES), embed_content)
    index.segments[1].folder.rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="000001: broken index: this segment is missing"):
        SearchIndex.open(tmp_path / "index")


def test_files_need_not_be_kept_open(
    tmp_path: Path, recordings: Recordings, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = build_index(tmp_path / "index", manifest, recordings.make(*NAMES), embed_content)
    monkeypatch.setattr("espnet_ext.search.index.SPARE_FILES", 10**9)
    frugal = SearchIndex.open(index.folder)
    assert [len(one.segments[0].mapped) for one in (index, frugal)] == [3, 0]
    assert ask(frugal) == ask(index)
