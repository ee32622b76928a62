from pathlib import Path

from espnet_ext.data.corpora.any_case import child, visible_files
from espnet_ext.data.corpora.fleurs_archive import collect_audio


def test_an_entry_of_the_exact_name_comes_first(tmp_path: Path) -> None:
    (tmp_path / "audiowav").mkdir()
    assert child(tmp_path, "AudioWAV") == tmp_path / "audiowav"
    (tmp_path / "AudioWAV").mkdir()
    assert child(tmp_path, "AudioWAV") == tmp_path / "AudioWAV"
    assert child(tmp_path, "absent") == tmp_path / "absent"
    assert child(tmp_path / "no folder", "AudioWAV") == tmp_path / "no folder/AudioWAV"


def test_doubles_and_other_files_are_not_listed(tmp_path: Path) -> None:
    for name in ("b.wav", "a.WAV", "._b.wav", "b.mp3"):
        (tmp_path / name).touch()
    assert visible_files(tmp_path, ".wav") == [tmp_path / "a.WAV", tmp_path / "b.wav"]
    assert visible_files(tmp_path / "absent", ".wav") == []


def test_no_corpus_lists_the_doubles_of_macos(tmp_path: Path) -> None:
    for name in ("x/a.wav", "x/._a.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = collect_audio(tmp_path, {"a.wav"}, tmp_path / "unpacked")
    assert found.files == {"a.wav": tmp_path / "x/a.wav"} and found.unlisted == []
