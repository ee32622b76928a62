"""Building an index: adding, changing, being killed, refusing."""

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from toy_recordings import Recordings, ask, content_vectors, embed_content

from espnet_ext.data.segments import AudioSource
from espnet_ext.errors import UserError
from espnet_ext.search.build import build_index
from espnet_ext.search.codes import update_codes
from espnet_ext.search.manifest import Manifest

pytestmark = pytest.mark.usefixtures("small_segments")
NAMES = [f"r{number:02d}" for number in range(30)]
CHANGES = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir")


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_adding_equals_building_at_once(tmp_path: Path, recordings: Recordings, manifest: Manifest) -> None:
    sources = recordings.make(*NAMES)
    at_once = build_index(tmp_path / "at once", manifest, sources, embed_content)
    for names in (NAMES[::2], NAMES[20:], NAMES):
        bit_by_bit = build_index(
            tmp_path / "bit by bit", manifest, {name: sources[name] for name in names}, embed_content
        )
    assert ask(bit_by_bit) == ask(at_once)
    assert bit_by_bit.num_recordings() == len(NAMES)


def test_what_is_there_is_not_embedded_again(tmp_path: Path, recordings: Recordings, manifest: Manifest) -> None:
    sources = recordings.make(*NAMES)
    build_index(tmp_path / "index", manifest, sources, embed_content)
    before = files_of(tmp_path / "index")
    build_index(tmp_path / "index", manifest, sources, lambda audio: pytest.fail(f"embedded {audio}"))
    assert files_of(tmp_path / "index") == before


def test_a_changed_recording_replaces_the_old_one(tmp_path: Path, recordings: Recordings, manifest: Manifest) -> None:
    build_index(tmp_path / "index", manifest, recordings.make(*NAMES), embed_content)
    for content in ("changed", "changed again"):
        recordings.make("r03", "r17", content=content)
        sources = {name: AudioSource(f"{recordings.folder}/{name}.wav") for name in NAMES}
        index = build_index(tmp_path / "index", manifest, sources, embed_content)
    anew = build_index(tmp_path / "anew", manifest, sources, embed_content)
    assert index.num_recordings() == len(NAMES)
    assert ask(index) == ask(anew)
    assert ask(index, 3) == ask(anew, 3)


def test_other_parts_of_a_file_are_a_change(tmp_path: Path, recordings: Recordings, manifest: Manifest) -> None:
    sources = recordings.make("talk")
    for spans in (((0.0, 1.5),), ((0.0, 1.5), (2.0, 3.0))):
        parts = {"talk": sources["talk"]._replace(spans=spans)}
        index = build_index(tmp_path / "index", manifest, parts, embed_content)
        assert [hit.audio for hit in ask(index)] == [str(parts["talk"])]


def test_utterances_of_an_archive_go_by_their_offsets(
    tmp_path: Path, recordings: Recordings, manifest: Manifest
) -> None:
    ark = Path(recordings.folder / "audio.ark")
    ark.write_text("bytes of several utterances")

    def embed(audio: list[AudioSource]) -> tuple[dict[str, np.ndarray], dict[int, str]]:
        return embed_content([AudioSource(str(ark)) for _ in audio])

    sources = {name: AudioSource(f"{ark}:{offset}") for offset, name in enumerate(NAMES)}
    index = build_index(tmp_path / "index", manifest, sources, embed)
    assert [hit.audio for hit in ask(index)] == [f"{ark}:{offset}" for offset in range(30)]
    again = build_index(tmp_path / "index", manifest, sources, lambda audio: pytest.fail("embedded"))
    assert again.num_recordings() == 30
    # Dumped again, from other audio: an archive of another name in the same folder.
    ark = ark.rename(ark.with_name("audio.1234.ark"))
    moved = {name: AudioSource(f"{ark}:{offset}") for offset, name in enumerate(NAMES)}
    assert [hit.audio for hit in ask(build_index(tmp_path / "index", manifest, moved, embed))] == [
        f"{ark}:{offset}" for offset in range(30)
    ]


def test_segments_grow_with_the_index(
    tmp_path: Path, recordings: Recordings, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit, value in {"MIN_SEGMENT_ROWS": 2, "MAX_SEGMENT_ROWS": 8, "CHUNK_RECORDINGS": 3}.items():
        monkeypatch.setattr(f"espnet_ext.search.build.{limit}", value)
    chunks = []

    def embed(audio: list[AudioSource]) -> tuple[dict[str, np.ndarray], dict[int, str]]:
        chunks.append(len(audio))
        return embed_content(audio)

    index = build_index(tmp_path / "index", manifest, recordings.make(*NAMES), embed)
    assert [segment.num_rows for segment in index.segments] == [2, 2, 4, 8, 8, 6]
    assert chunks == [2, 2, 3, 1, 3, 3, 2, 3, 3, 2, 3, 3]
    monkeypatch.setattr("espnet_ext.search.build.CHUNK_RECORDINGS", 100)
    assert ask(index) == ask(build_index(tmp_path / "large chunks", manifest, recordings.make(*NAMES), embed_content))


def run_until(step: int, folder: Path, manifest: Manifest, sources: dict[str, AudioSource]) -> bool:
    """Build in a process that is killed before its `step`-th change of the index; whether it got that far."""
    child = os.fork()
    if child == 0:
        steps = 0

        def kill_at(event: str, words: tuple) -> None:
            nonlocal steps
            if event in CHANGES and str(folder) in str(words[0]):
                steps += 1
                if steps == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(kill_at)
        update_codes(build_index(folder, manifest, sources, embed_content))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_build_killed_anywhere_ends_with_the_same_bytes(
    tmp_path: Path, recordings: Recordings, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("espnet_ext.search.codes.MIN_ROWS", 16)
    first, every = recordings.make(*NAMES[:16]), recordings.make(*NAMES[:20])
    whole = tmp_path / "whole"
    for sources in (first, every):
        update_codes(build_index(whole, manifest, sources, embed_content))
    # Every sixth of some fifty steps: each takes a while, and all have been tried.
    for step in range(1, 50, 6):
        folder = tmp_path / f"killed {step}"
        assert run_until(step, folder, manifest, first)
        update_codes(build_index(folder, manifest, first, embed_content))
        run_until(step, folder, manifest, every)
        update_codes(build_index(folder, manifest, every, embed_content))
        assert files_of(folder) == files_of(whole), f"killed at step {step}"


def test_another_model_is_refused_by_its_fingerprint(
    tmp_path: Path, recordings: Recordings, manifest: Manifest
) -> None:
    sources = recordings.make(*NAMES)
    build_index(tmp_path / "index", manifest, sources, embed_content)
    other = manifest.model_copy(update={"model": manifest.model | {"model.safetensors": "c" * 64}})
    with pytest.raises(UserError, match="another model: sha256 of its model.safetensors is bbbbbbbbbbbb.*cccccccc"):
        build_index(tmp_path / "index", other, sources, embed_content)
    with pytest.raises(UserError, match="made with --autocast float32; give the same"):
        build_index(tmp_path / "index", manifest.model_copy(update={"autocast": "bfloat16"}), sources, embed_content)


def test_one_id_for_two_files_is_refused(tmp_path: Path, recordings: Recordings, manifest: Manifest) -> None:
    build_index(tmp_path / "index", manifest, recordings.make("a"), embed_content)
    other = Recordings(tmp_path / "others").make("a")
    with pytest.raises(UserError, match=r"a: .*others/a.wav, but .*some recordings/a.wav in .*build another index"):
        build_index(tmp_path / "index", manifest, other, embed_content)


def test_a_missing_file_and_a_broken_embedding_are_named(
    tmp_path: Path, recordings: Recordings, manifest: Manifest
) -> None:
    sources = recordings.make("a", "b")
    with pytest.raises(UserError, match="^gone: /nowhere.wav: No such file"):
        build_index(tmp_path / "index", manifest, sources | {"gone": AudioSource("/nowhere.wav")}, embed_content)

    def embed(audio: list[AudioSource]) -> tuple[dict[str, np.ndarray], dict[int, str]]:
        return content_vectors(audio) | {"spk": np.array([[1.0], [np.nan]])}, {}

    with pytest.raises(UserError, match="embedding of b holds NaN"):
        build_index(tmp_path / "index", manifest, sources, embed)
    assert not list((tmp_path / "index").glob("segments/*"))


def test_recordings_that_cannot_be_read_are_left_out_on_request(
    tmp_path: Path, recordings: Recordings, manifest: Manifest, small_segments: None
) -> None:
    sources = recordings.make(*NAMES)
    broken = {*NAMES[8:16], NAMES[20]}  # all of a segment, and one of another

    def embed(audio: list[AudioSource]) -> tuple[dict[str, np.ndarray], dict[int, str]]:
        failed = {index: f"{a.path}: cut" for index, a in enumerate(audio) if Path(a.path).stem in broken}
        return content_vectors([a for index, a in enumerate(audio) if index not in failed]), failed

    with pytest.raises(UserError, match=f"{min(broken)}.wav: cut; --skip_errors indexes the other recordings"):
        build_index(tmp_path / "index", manifest, sources, embed)
    errors: dict[str, str] = {}
    gone = {"gone": AudioSource("/nowhere.wav")}
    index = build_index(tmp_path / "index", manifest, sources | gone, embed, errors)
    assert sorted(errors) == ["gone", *sorted(broken)] and "No such file" in errors["gone"]
    assert {hit.recording for hit in ask(index)} == {*NAMES} - broken
    repaired = build_index(tmp_path / "index", manifest, sources, embed_content, {})
    assert ask(repaired) == ask(build_index(tmp_path / "at once", manifest, sources, embed_content))


def test_an_index_is_not_written_among_other_files(recordings: Recordings, manifest: Manifest) -> None:
    with pytest.raises(UserError, match="no index, and not empty .a.wav."):
        build_index(recordings.folder, manifest, recordings.make("a"), embed_content)
