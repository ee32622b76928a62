"""Locators of audio: archives and files, and relative paths from any folder."""

from pathlib import Path

import pytest

from espnet_ext.kaldi.locators import file_of, is_dumped, resolve_locators, stable_path


def test_offsets_into_archives_are_distinguished_from_files() -> None:
    assert is_dumped("dump/a b.ark:12") and file_of("dump/a b.ark:12") == "dump/a b.ark"
    assert stable_path("dump/a b.ark:12") == stable_path("dump/other.ark:3") == "dump"
    for path in ("a.ark", "a.wav:12", "/x.ark:1/b.wav"):
        assert not is_dumped(path) and file_of(path) == stable_path(path) == path


@pytest.mark.parametrize("where", ["recipe", "recipe/dump/train", "."])
@pytest.mark.parametrize("locator", ["dump/train/audio/a.0.ark:5", "wavs/a file.wav"])
def test_relative_locators_are_resolved_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, locator: str
) -> None:
    scp_folder = tmp_path / "recipe" / "dump" / "train"
    file = tmp_path / "recipe" / file_of(locator)
    for path in (scp_folder / "wav.scp", file, tmp_path / "elsewhere.wav"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path / where)
    found = resolve_locators({"a": str(tmp_path / "elsewhere.wav"), "b": locator}, Path("/") / scp_folder)
    assert found["a"] == str(tmp_path / "elsewhere.wav")
    # In the working folder of the recipe, they remain relative.
    assert found["b"] == (locator if where == "recipe" else f"{tmp_path}/recipe/{locator}")


def test_locators_of_missing_files_are_not_changed(tmp_path: Path) -> None:
    assert resolve_locators({"a": "x.ark:1", "b": "/y.wav"}, tmp_path) == {"a": "x.ark:1", "b": "/y.wav"}
    assert resolve_locators({}, tmp_path) == {}
