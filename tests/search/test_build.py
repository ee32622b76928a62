"""Building an index: additions, changes, killed builds and refusals."""

import copy
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from espnet_ext.audio.waveform import AudioSource
from espnet_ext.utils.errors import UserError
from helpers.toy_recordings import MANIFEST, Recordings, ask, build_index, content_vectors, embed_content

pytestmark = pytest.mark.usefixtures("small_chunks")
NAMES = [f"r{number:02d}" for number in range(30)]


def content_of(folder: Path) -> tuple[bytes, list[str]]:
    """Vectors and database of an index."""
    with closing(sqlite3.connect(folder / "index.sqlite")) as database:
        return (folder / "vectors.f32").read_bytes(), list(database.iterdump())


def test_adding_recordings_equals_building_at_once(tmp_path: Path, recordings: Recordings) -> None:
    sources = recordings.make(*NAMES)
    at_once = build_index(tmp_path / "at once", sources)
    for names in (NAMES[::2], NAMES[20:], NAMES):
        bit_by_bit = build_index(tmp_path / "bit by bit", {name: sources[name] for name in names})
    assert ask(bit_by_bit) == ask(at_once)
    assert bit_by_bit.vectors.shape == (len(NAMES), 25)


def test_only_new_recordings_are_embedded(tmp_path: Path, recordings: Recordings) -> None:
    sources = recordings.make(*NAMES)
    build_index(tmp_path / "index", sources)
    before = content_of(tmp_path / "index")
    build_index(tmp_path / "index", sources, lambda audio: pytest.fail(f"embedded {audio}"))
    assert content_of(tmp_path / "index") == before


def test_a_changed_recording_replaces_the_old_one(tmp_path: Path, recordings: Recordings) -> None:
    build_index(tmp_path / "index", recordings.make(*NAMES))
    for content in ("changed", "changed again"):
        recordings.make("r03", "r17", content=content)
        sources = {name: AudioSource(f"{recordings.folder}/{name}.wav") for name in NAMES}
        index = build_index(tmp_path / "index", sources)
    new = build_index(tmp_path / "new", sources)
    np.testing.assert_array_equal(index.vectors, new.vectors)
    assert ask(index) == ask(new)
    assert ask(index, 3) == ask(new, 3)


def test_another_span_of_a_file_is_a_change(tmp_path: Path, recordings: Recordings) -> None:
    sources = recordings.make("talk")
    for spans in (((0.0, 1.5),), ((0.0, 1.5), (2.0, 3.0))):
        parts = {"talk": sources["talk"]._replace(spans=spans)}
        index = build_index(tmp_path / "index", parts)
        assert [hit.audio for hit in ask(index)] == [str(parts["talk"])]


def test_utterances_of_an_archive_have_offsets(tmp_path: Path, recordings: Recordings) -> None:
    ark = Path(recordings.folder / "audio.ark")
    ark.write_text("bytes of several utterances")

    def embed(audio: list[AudioSource]) -> tuple[dict[str, np.ndarray], dict[int, str]]:
        return embed_content([AudioSource(str(ark)) for _ in audio])

    sources = {name: AudioSource(f"{ark}:{offset}") for offset, name in enumerate(NAMES)}
    index = build_index(tmp_path / "index", sources, embed)
    assert [hit.audio for hit in ask(index)] == [f"{ark}:{offset}" for offset in range(30)]
    again = build_index(tmp_path / "index", sources, lambda audio: pytest.fail("embedded"))
    assert len(again.vectors) == 30
    # Dumped again from other audio: an archive with another name in the same folder.
    ark = ark.rename(ark.with_name("audio.1234.ark"))
    moved = {name: AudioSource(f"{ark}:{offset}") for offset, name in enumerate(NAMES)}
    found = ask(build_index(tmp_path / "index", moved, embed))
    assert [hit.audio for hit in found] == [f"{ark}:{offset}" for offset in range(30)]


def run_until(step: int, folder: Path, sources: dict[str, AudioSource]) -> bool:
    """Build in a process that is killed before its `step`-th write; return whether it was killed."""
    child = os.fork()
    if child == 0:
        steps = 0

        def kill_at(frame: object, event: str, function: object) -> None:
            nonlocal steps
            name = getattr(function, "__name__", "")
            if event == "c_call" and name in ("execute", "write", "flush", "fsync", "__exit__", "rename", "replace"):
                steps += 1
                if steps == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(kill_at)
        build_index(folder, sources).update_codes()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_build_killed_at_any_write_ends_with_the_same_content(
    tmp_path: Path, recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("espnet_ext.search.index.MIN_CODES", 16)
    sources = recordings.make(*NAMES[:20])
    whole = build_index(tmp_path / "whole", sources)
    whole.update_codes()
    killed = 0
    for step in range(1, 120, 17):
        folder = tmp_path / f"killed {step}"
        killed += run_until(step, folder, sources)
        build_index(folder, sources).update_codes()
        assert content_of(folder) == content_of(whole.folder), f"killed at step {step}"
        assert (folder / "codes.faiss").read_bytes() == (whole.folder / "codes.faiss").read_bytes()
    assert killed >= 4


def test_another_model_is_refused_by_its_fingerprint(tmp_path: Path, recordings: Recordings) -> None:
    sources = recordings.make(*NAMES)
    build_index(tmp_path / "index", sources)
    other = copy.deepcopy(MANIFEST)
    other["model"]["model.safetensors"] = "c" * 64
    with pytest.raises(UserError, match=r"index: built with another model \(sha256 of model.safetensors\)"):
        build_index(tmp_path / "index", sources, manifest=other)
    with pytest.raises(UserError, match="made with --autocast float32; give the same"):
        build_index(tmp_path / "index", sources, manifest=MANIFEST | {"autocast": "bfloat16"})


def test_two_files_with_one_id_are_refused(tmp_path: Path, recordings: Recordings) -> None:
    build_index(tmp_path / "index", recordings.make("a"))
    other = Recordings(tmp_path / "others").make("a")
    with pytest.raises(UserError, match=r"a: .*others/a.wav, but .*some recordings/a.wav in .*build another index"):
        build_index(tmp_path / "index", other)


def test_the_error_names_a_missing_file(tmp_path: Path, recordings: Recordings) -> None:
    with pytest.raises(UserError, match="^gone: /nowhere.wav: No such file"):
        build_index(tmp_path / "index", recordings.make("a", "b") | {"gone": AudioSource("/nowhere.wav")})


def test_unreadable_recordings_are_excluded_on_request(tmp_path: Path, recordings: Recordings) -> None:
    sources = recordings.make(*NAMES)
    broken = {*NAMES[8:16], NAMES[20]}  # all recordings of one chunk, and one recording of another

    def embed(audio: list[AudioSource]) -> tuple[dict[str, np.ndarray], dict[int, str]]:
        failed = {index: f"{a.path}: cut" for index, a in enumerate(audio) if Path(a.path).stem in broken}
        return content_vectors([a for index, a in enumerate(audio) if index not in failed]), failed

    with pytest.raises(UserError, match=f"{min(broken)}.wav: cut; --skip_errors embeds the other recordings"):
        build_index(tmp_path / "index", sources, embed)
    errors: dict[str, str] = {}
    gone = {"gone": AudioSource("/nowhere.wav")}
    index = build_index(tmp_path / "index", sources | gone, embed, errors)
    assert sorted(errors) == ["gone", *sorted(broken)] and "No such file" in errors["gone"]
    assert {hit.recording for hit in ask(index)} == {*NAMES} - broken
    repaired = build_index(tmp_path / "index", sources, errors={})
    assert ask(repaired) == ask(build_index(tmp_path / "at once", sources))


def test_an_index_is_not_written_to_a_folder_with_other_files(recordings: Recordings) -> None:
    sources = recordings.make("a")
    with pytest.raises(UserError, match="not an index, and not empty .a.wav."):
        build_index(recordings.folder, sources)
