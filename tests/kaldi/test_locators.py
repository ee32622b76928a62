"""Places of audio: archives told from files, and relative paths from wherever they are read."""

from pathlib import Path

import pytest

from espnet_ext.kaldi.locators import file_of, is_dumped, resolve_locators, stable_path


def test_utterances_of_archives_are_told_from_files() -> None:
    assert is_dumped("dump/a b.ark:12") and file_of("dump/a b.ark:12") == "dump/a b.ark"
    assert stable_path("dump/a b.ark:12") == stable_path("dump/other.ark:3") == "dump"
    for path in ("a.ark", "a.wav:12", "/x.ark:1/b.wav"):
        assert not is_dumped(path) and file_of(path) == stable_path(path) == path


@pytest.mark.parametrize("where", ["recipe", "recipe/dump/train", "."])
@pytest.mark.parametrize("place", ["dump/train/audio/a.0.ark:5", "wavs/a file.wav"])
def test_relative_places_are_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, place: str
) -> None:
    scp_folder = tmp_path / "recipe" / "dump" / "train"
    file = tmp_path / "recipe" / file_of(place)
    for path in (scp_folder / "wav.scp", file, tmp_path / "elsewhere.wav"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path / where)
    found = resolve_locators({"a": str(tmp_path / "elsewhere.wav"), "b": place}, Path("/") / scp_folder)
    assert found["a"] == str(tmp_path / "elsewhere.wav")
    # Where the recipe runs, they stay relative.
    assert found["b"] == (place if where == "recipe" else f"{tmp_path}/recipe/{place}")


def test_places_that_are_not_there_stay_as_they_are(tmp_path: Path) -> None:
    assert resolve_locators({"a": "x.ark:1", "b": "/y.wav"}, tmp_path) == {"a": "x.ark:1", "b": "/y.wav"}
    assert resolve_locators({}, tmp_path) == {}
