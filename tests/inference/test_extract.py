"""Extraction in shards: values, restarts, shards of other models, and all executors."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree

import kaldiio
import numpy as np
import pytest
from distributed import LocalCluster

from espnet_ext.audio.waveform import to_int16
from espnet_ext.dump.executor import Executor
from espnet_ext.inference import extract as extract_module
from espnet_ext.inference.extract import ReadAhead, System, extract
from espnet_ext.inference.utt_encoder import UttEncoder
from espnet_ext.kaldi.archives import append_to_ark, read_dumped
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.utils.errors import UserError

NAMES = ("sem", "spk")
HERE = Executor()


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extract_module, "SHARD_UTTERANCES", 4)


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """Ten utterances in shards of four, four and two."""
    return make_dump(tmp_path / "dump" / "test set", seed=0)


def make_dump(folder: Path, seed: int) -> Path:
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    speech = {f"u{i}": to_int16(random.normal(0, 0.1, 1000 + 700 * i)) / 32768 for i in range(10)}
    with (folder / "audio.ark").open("wb") as stream:
        entries = {name: f"{stream.name}:{append_to_ark(stream, name, samples)}" for name, samples in speech.items()}
    write_scp(folder / "wav.scp", entries)
    write_scp(folder / "utt2num_samples", {name: len(samples) for name, samples in speech.items()})
    return folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_embeddings_equal_those_of_the_whole_list_and_have_the_utterance_ids(
    dump: Path, model_folder: Path, tmp_path: Path
) -> None:
    system = System(model_folder, NAMES)
    speech = {utterance: read_dumped(entry) for utterance, entry in read_scp(dump / "wav.scp").items()}
    assert sum(extract(system, [dump], tmp_path / "out", HERE)) == sum(map(len, speech.values()))
    expected = UttEncoder.from_pretrained(model_folder, "cpu").encode(list(speech.values()))
    for name in NAMES:
        entries = read_scp(tmp_path / "out" / dump.name / f"{name}.scp")
        assert list(entries) == list(speech)
        found = np.stack([kaldiio.load_mat(entry) for entry in entries.values()])
        np.testing.assert_allclose(found, expected[name], atol=1e-5, rtol=0)


def test_finished_shards_are_kept_and_a_killed_run_ends_with_the_same_bytes(
    dump: Path, model_folder: Path, tmp_path: Path
) -> None:
    system, out = System(model_folder, NAMES), tmp_path / "out"
    assert all(extract(system, [dump], out, HERE))
    straight = bytes_of(out)
    # Killed after the first shard, in the middle of the second.
    for name in ("sem.scp", "spk.scp", "spk.1.scp", "sem.2.scp", "sem.2.ark", "spk.2.scp"):
        (out / dump.name / name).unlink()
    (out / dump.name / ".tmp-x-sem.2.ark").touch()
    assert [bool(done) for done in extract(system, [dump], out, HERE)] == [False, True, True]
    assert bytes_of(out) == straight


@pytest.mark.parametrize("lost", ["sem.1.ark", "spk.1.scp", "provenance.json", "sem.scp"])
def test_a_missing_file_is_written_again(dump: Path, model_folder: Path, tmp_path: Path, lost: str) -> None:
    system, out = System(model_folder, NAMES), tmp_path / "out"
    list(extract(system, [dump], out, HERE))
    straight = bytes_of(out)
    (out / dump.name / lost).unlink()
    list(extract(system, [dump], out, HERE))
    assert bytes_of(out) == straight


def test_a_damaged_provenance_file_counts_as_a_change(dump: Path, model_folder: Path, tmp_path: Path) -> None:
    system, out = System(model_folder, NAMES), tmp_path / "out"
    list(extract(system, [dump], out, HERE))
    (out / dump.name / "provenance.json").write_text("{")
    assert all(extract(system, [dump], out, HERE))


def test_shards_of_another_model_or_other_audio_are_not_reused(dump: Path, model_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    list(extract(System(model_folder, NAMES), [dump], out, HERE))
    other = copytree(model_folder, tmp_path / "other model")
    weights = (other / "model.safetensors").read_bytes()
    (other / "model.safetensors").write_bytes(weights[:-4] + bytes(4))
    assert all(extract(System(other, NAMES), [dump], out, HERE))
    assert not any(extract(System(other, NAMES), [dump], out, HERE))
    assert all(extract(System(other, NAMES), [make_dump(tmp_path / "elsewhere" / dump.name, seed=1)], out, HERE))


def test_every_executor_writes_the_same_bytes(dump: Path, model_folder: Path, tmp_path: Path) -> None:
    second = make_dump(tmp_path / "dump" / "dev", seed=2)
    system, out = System(model_folder, NAMES), tmp_path / "out"
    written = []
    with LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None) as cluster:
        for executor in (HERE, Executor(nj=2), Executor(cluster.scheduler_address)):
            assert all(extract(system, [dump, second], out, executor))
            written.append(bytes_of(out))
            out.rename(tmp_path / f"kept {len(written)}")
    assert written[1] == written[0]
    assert written[2] == written[0]


def test_only_the_selected_attributes_are_written(dump: Path, model_folder: Path, tmp_path: Path) -> None:
    assert all(extract(System(model_folder, ("spk",)), [dump], tmp_path / "out", HERE))
    kinds = {path.name.split(".")[0] for path in (tmp_path / "out" / dump.name).iterdir()}
    assert kinds == {"provenance", "spk"}


def test_an_unknown_attribute_is_refused_before_any_work(dump: Path, model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"--attributes lang: the model {model_folder} has sem, spk"):
        list(extract(System(model_folder, ("sem", "lang")), [dump], tmp_path / "out", HERE))
    assert not (tmp_path / "out").exists()


def test_the_error_names_truncated_audio(dump: Path, model_folder: Path, tmp_path: Path) -> None:
    archive = dump / "audio.ark"
    archive.write_bytes(archive.read_bytes()[:-2000])
    with pytest.raises(UserError, match=r"audio.ark:\d+: cannot read dumped audio"):
        list(extract(System(model_folder, NAMES), [dump], tmp_path / "out", HERE))


def test_the_error_names_audio_that_is_not_as_long_as_listed(dump: Path, model_folder: Path, tmp_path: Path) -> None:
    write_scp(dump / "utt2num_samples", read_scp(dump / "utt2num_samples") | {"u5": 4501})
    with pytest.raises(UserError, match=r"ark:\d+: 4500 samples of utterance u5, but utt2num_samples lists 4501"):
        list(extract(System(model_folder, NAMES), [dump], tmp_path / "out", HERE))
    assert not list((tmp_path / "out").rglob("*.1.ark"))


def test_the_error_names_an_utterance_that_is_too_short(dump: Path, model_folder: Path, tmp_path: Path) -> None:
    (dump / "audio").mkdir()
    with (dump / "audio" / "short.ark").open("wb") as stream:
        entry = f"{stream.name}:{append_to_ark(stream, 'u5', np.zeros(320))}"
    write_scp(dump / "wav.scp", read_scp(dump / "wav.scp") | {"u5": entry})
    with pytest.raises(
        UserError, match=f"^utterance u5: {entry}: 320 samples are too short for the encoder, which needs"
    ):
        list(extract(System(model_folder, NAMES), [dump], tmp_path / "out", HERE))


def test_reading_ahead_is_limited(dump: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = list(read_scp(dump / "wav.scp").values())
    read = []
    monkeypatch.setattr(extract_module, "read_dumped", lambda entry: read.append(entry) or read_dumped(entry))
    monkeypatch.setattr(extract_module, "READ_AHEAD", 3)
    with ThreadPoolExecutor(1) as pool:
        next(iter(ReadAhead(entries, 400, pool)))
    assert read == entries[:4]
    with ThreadPoolExecutor(2) as pool:
        speech = ReadAhead(entries, 400, pool)
        for samples, entry in zip(speech, entries, strict=True):
            np.testing.assert_array_equal(samples, read_dumped(entry))
    assert sum(speech.lengths) == sum(1000 + 700 * i for i in range(10))
