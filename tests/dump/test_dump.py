"""The audio dump: content, exclusions, resuming, and bytes that depend only on the data."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_ext.audio import ARK_FORMATS
from espnet_ext.audio.waveform import read_audio, resample, to_int16
from espnet_ext.dump import dump, dump_dir
from espnet_ext.dump.dump import DurationLimits
from espnet_ext.dump.dump_dir import DumpOptions, dump_data_dir
from espnet_ext.dump.executor import Executor
from espnet_ext.kaldi import data_dir
from espnet_ext.kaldi.archives import read_dumped
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.kaldi.utterances import Utterance, write_utterances
from espnet_ext.kaldi.validate import validate_data_dir
from espnet_ext.utils.errors import UserError

MakeDataDir = Callable[..., Path]
LIMITS = DurationLimits(0.05, 1.0)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a dump except the shard indices, which contain file times."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".json"
    }


@pytest.fixture
def data(make_data_dir: MakeDataDir, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Seven utterances of three speakers, in shards of two."""
    monkeypatch.setattr(dump, "SHARD_UTTERANCES", 2)
    lengths = {"a-1": 1600, "a-2": 1700, "b-1": 1800, "b-2": 1900, "c-1": 2000, "c-2": 2100, "c-3": 2200}
    return make_data_dir("my set", lengths)


def test_a_dump_is_a_data_directory_of_the_same_audio(data: Path, tmp_path: Path) -> None:
    (data / "trials").mkdir()
    (data / "trials/verification").write_text("1 a-1 a-2\n0 a-1 c-3\n")
    (data / "provenance.json").write_text("{}")
    dumped = dump_data_dir(data, tmp_path / "dump", DumpOptions(LIMITS))
    assert (dumped.num_utterances, dumped.excluded.entries) == (7, [])
    source, dumped = DataDir(data), DataDir(tmp_path / "dump")
    validate_data_dir(dumped.path)
    assert dumped.utterances == source.utterances
    for utterance, spec in dumped.wav_scp.items():
        np.testing.assert_array_equal(read_dumped(spec), read_audio(source.wav_scp[utterance])[0])
    for name in ("utt2spk", "spk2utt", "text", "utt2lang", "utt2sent", "utt2source", "utt2num_samples"):
        assert dumped.read(name) == source.read(name), name
    assert (dumped.path / "trials/verification").read_bytes() == (data / "trials/verification").read_bytes()
    assert (dumped.path / "provenance.json").is_file()


def test_the_number_of_processes_does_not_change_a_byte(data: Path, tmp_path: Path) -> None:
    dump_data_dir(data, tmp_path / "dump", DumpOptions(LIMITS, (0.9,), Executor(nj=1)))
    one = contents(tmp_path / "dump")
    for path in (tmp_path / "dump").rglob("audio.*"):
        path.unlink()
    dump_data_dir(data, tmp_path / "dump", DumpOptions(LIMITS, (0.9,), Executor(nj=3)))
    assert contents(tmp_path / "dump") == one


@pytest.mark.parametrize("lost", ["audio.0001.*.ark", "audio.0001.json", "wav.scp", "text"])
def test_a_killed_dump_resumes_and_ends_with_the_same_bytes(
    data: Path, tmp_path: Path, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds: list[float] = []
    monkeypatch.setattr(dump_dir, "audio_progress", lambda label, total_s: nullcontext(seconds.append))
    dump_data_dir(data, tmp_path / "dump", DumpOptions(LIMITS))
    assert sum(seconds) == pytest.approx(sum(DataDir(data).utt2num_samples.values()) / 16000)
    whole = contents(tmp_path / "dump")
    [kept] = tmp_path.glob("dump/audio/audio.0000.*.ark")
    stamp = kept.stat().st_mtime_ns
    next((tmp_path / "dump").rglob(lost)).unlink()
    for name in (".tmp-x-audio.0001.ark", "audio.0001.ark", "audio.0001.01234567.ark"):
        (tmp_path / "dump/audio" / name).write_bytes(b"of a run that was killed")
    seconds.clear()
    dump_data_dir(data, tmp_path / "dump", DumpOptions(LIMITS))
    assert contents(tmp_path / "dump") == whole
    # A finished shard is not written again, and is not counted in the throughput.
    assert kept.stat().st_mtime_ns == stamp
    assert sum(seconds) == pytest.approx((1800 + 1900) / 16000 if "0001" in lost else 0)


def test_changed_audio_is_dumped_again_and_changes_wav_scp(data: Path, tmp_path: Path) -> None:
    dump_data_dir(data, tmp_path / "dump", DumpOptions(LIMITS))
    before = read_scp(tmp_path / "dump/wav.scp")
    path = DataDir(data).wav_scp["b-1"]
    soundfile.write(path, np.full(1800, 0.25), 16000)
    dump_data_dir(data, tmp_path / "dump", DumpOptions(LIMITS))
    after = read_scp(tmp_path / "dump/wav.scp")
    np.testing.assert_array_equal(read_dumped(after["b-1"]), 0.25)
    # The length is unchanged, so only the name of the archive shows the change; later outputs depend on it.
    assert [name for name in after if after[name] != before[name]] == ["b-1", "b-2"]
    assert len(list(tmp_path.glob("dump/audio/*.ark"))) == 4


def test_both_formats_hold_the_same_samples(data: Path, tmp_path: Path) -> None:
    dumps = {name: tmp_path / name for name in ARK_FORMATS}
    for name, folder in dumps.items():
        dump_data_dir(data, folder, DumpOptions(LIMITS, (0.9,), ark_format=name))
    wav, flac = (DataDir(folder).wav_scp for folder in dumps.values())
    assert wav.keys() == flac.keys()
    for utterance in wav:
        np.testing.assert_array_equal(read_dumped(wav[utterance]), read_dumped(flac[utterance]))
    # In the same folder, one format replaces the other.
    dump_data_dir(data, dumps["wav"], DumpOptions(LIMITS, (0.9,), ark_format="flac"))
    arks = [{path.name: path.read_bytes() for path in folder.rglob("*.ark")} for folder in dumps.values()]
    assert arks[0] == arks[1]


def test_a_moved_recipe_reads_its_dump(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recipe").mkdir()
    monkeypatch.chdir(tmp_path / "recipe")
    dump_data_dir(data, Path("dump/train"), DumpOptions(LIMITS, executor=Executor(nj=2)))
    (tmp_path / "recipe").rename(tmp_path / "a moved recipe")
    for folder in ("a moved recipe", "."):
        monkeypatch.chdir(tmp_path / folder)
        moved = DataDir(tmp_path / "a moved recipe/dump/train")
        for utterance, spec in moved.wav_scp.items():
            np.testing.assert_array_equal(read_dumped(spec), read_audio(DataDir(data).wav_scp[utterance])[0])


def test_no_stale_file_of_a_larger_set_remains(data: Path, tmp_path: Path) -> None:
    (data / "trials").mkdir()
    for name in ("verification", "easy"):
        (data / "trials" / name).write_text("1 a-1 a-2\n")
    write_scp(data / "text.fra", {"a-1": "un"})
    write_scp(data / "utt2age", {"a-1": "20"})
    dump_data_dir(data, tmp_path / "dump", DumpOptions(LIMITS, (0.9, 1.1)))
    for name in ("trials/easy", "text.fra", "utt2age", "text"):
        (data / name).unlink()
    dump_data_dir(data, tmp_path / "dump", DumpOptions(LIMITS))
    dump_data_dir(data, tmp_path / "fresh", DumpOptions(LIMITS))
    fresh = {name: content.replace(b"/fresh/", b"/dump/") for name, content in contents(tmp_path / "fresh").items()}
    assert contents(tmp_path / "dump") == fresh


def test_utterances_outside_the_duration_limits_are_excluded_and_listed(data: Path, tmp_path: Path) -> None:
    limits = DurationLimits(1700 / 16000, 2000 / 16000)  # both limits are inclusive
    excluded = dump_data_dir(data, tmp_path / "dump", DumpOptions(limits)).excluded
    assert DataDir(tmp_path / "dump").utterances == ["a-2", "b-1", "b-2", "c-1"]
    assert excluded.counts() == {"longer than 0.125 s": 2, "shorter than 0.10625 s": 1}
    lines = (tmp_path / "dump/excluded.tsv").read_text().splitlines()
    assert lines[1] == f"a-1\t{data / 'wav/a-1.wav'}\tshorter than 0.10625 s"
    assert len(lines) == 4
    validate_data_dir(tmp_path / "dump")


def test_excluding_an_utterance_of_a_trial_is_an_error(data: Path, tmp_path: Path) -> None:
    (data / "trials").mkdir()
    (data / "trials/verification").write_text("1 b-1 b-2\n1 a-1 a-2\n")
    limits = DurationLimits(1700 / 16000, 1.0)
    with pytest.raises(UserError, match=r"verification:2: utterance 'a-1' .* excluded by its duration"):
        dump_data_dir(data, tmp_path / "dump", DumpOptions(limits))
    assert not (tmp_path / "dump/wav.scp").exists()


def test_a_fraction_has_its_copies_columns_and_trials(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_dir, "MIN_UTTERANCES", 1)
    names = DataDir(data).utterances
    kept = sorted(data_dir.choose_subset(DataDir(data), 0.5))
    assert len(kept) == 4
    (data / "trials").mkdir()
    pairs = [f"{a[0] == b[0]:d} {a} {b}\n" for a in names for b in names if a < b]
    (data / "trials/verification").write_text("".join(pairs))
    dumped = dump_data_dir(data, tmp_path / "dump", DumpOptions(LIMITS, (0.9,), fraction=0.5))
    assert dumped.num_utterances == 8
    validate_data_dir(tmp_path / "dump")
    found = DataDir(tmp_path / "dump")
    assert found.utterances == sorted([*kept, *(f"sp0.9-{name}" for name in kept)])
    assert list(found.text) == found.utterances
    expected = "".join(pair for pair in pairs if set(pair.split()[1:]) <= set(kept))
    assert (tmp_path / "dump/trials/verification").read_text() == expected != ""


def test_excluding_an_utterance_of_a_trial_in_a_fraction_is_an_error(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_dir, "MIN_UTTERANCES", 1)
    kept = sorted(data_dir.choose_subset(DataDir(data), 0.5))
    shortest = min(DataDir(data).utt2num_samples[name] for name in kept)
    (data / "trials").mkdir()
    (data / "trials/verification").write_text(f"0 {kept[0]} {kept[-1]}\n")
    options = DumpOptions(DurationLimits((shortest + 1) / 16000, 1.0), fraction=0.5)
    with pytest.raises(UserError, match=f"verification:1: utterance '{kept[0]}' .* excluded by its duration"):
        dump_data_dir(data, tmp_path / "dump", options)


def test_an_empty_dump_is_an_error(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="every utterance is left out"):
        dump_data_dir(data, tmp_path / "dump", DumpOptions(DurationLimits(5, 9)))


def test_the_error_of_unreadable_audio_names_utterance_and_file(data: Path, tmp_path: Path) -> None:
    path = Path(DataDir(data).wav_scp["c-1"])
    path.write_bytes(b"no audio")
    with pytest.raises(UserError, match=rf"utterance c-1: {path}: cannot decode audio.*, or remove the utterances"):
        dump_data_dir(data, tmp_path / "dump", DumpOptions(LIMITS, executor=Executor(nj=2)))
    assert not (tmp_path / "dump/wav.scp").exists()


def test_all_unreadable_audio_is_reported_at_once(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dump, "SHARD_UTTERANCES", 2)
    paths = {name: Path(path) for name, path in DataDir(data).wav_scp.items()}
    damaged = {name: paths[name].read_bytes() for name in (list(paths)[0], list(paths)[1], list(paths)[-1])}
    for name in damaged:
        paths[name].write_bytes(b"no audio")
    table = tmp_path / "dump/unreadable.tsv"
    for _ in range(2):
        with pytest.raises(UserError, match=f"utterance {min(damaged)}: .* and 2 more, listed in {table}; repair"):
            dump_data_dir(data, tmp_path / "dump", DumpOptions(LIMITS))
        assert [line.split("\t")[0] for line in table.read_text().splitlines()[1:]] == sorted(damaged)
    for name, content in damaged.items():
        paths[name].write_bytes(content)
    dump_data_dir(data, tmp_path / "dump", DumpOptions(LIMITS))
    assert DataDir(tmp_path / "dump").utterances == DataDir(data).utterances
    assert not table.exists()


def test_perturbed_copies_are_other_speakers_of_the_same_sentences(data: Path, tmp_path: Path) -> None:
    dump_data_dir(data, tmp_path / "dump", DumpOptions(LIMITS, (0.9, 1.1)))
    dumped, source = DataDir(tmp_path / "dump"), DataDir(data)
    assert len(dumped.utterances) == 3 * 7
    assert dumped.utt2spk["sp0.9-c-1"] == "sp0.9-c"
    assert dumped.text["sp1.1-c-1"] == source.text["c-1"]
    assert dumped.utt2sent["sp1.1-c-1"] == source.utt2sent["c-1"]
    samples, rate = read_audio(source.wav_scp["c-1"])
    slow = read_dumped(dumped.wav_scp["sp0.9-c-1"])
    assert len(slow) == dumped.utt2num_samples["sp0.9-c-1"] == round(2000 / 0.9)
    np.testing.assert_allclose(slow, np.clip(resample(samples, 14400), -1, 1), atol=1 / 32768)
    validate_data_dir(dumped.path)


def test_the_error_names_an_existing_copy(make_data_dir: MakeDataDir, tmp_path: Path) -> None:
    data = make_data_dir("train", {"a-1": 1600, "sp0.9-a-1": 1600})
    with pytest.raises(UserError, match="train: 'sp0.9-a-1' is an utterance and .* leave --speed_perturb out"):
        dump_data_dir(data, tmp_path / "dump", DumpOptions(LIMITS, (0.9,)))


@pytest.mark.parametrize(("listed", "is_right"), [(16001, True), (23999, True), (44100, False), (5333, False)])
def test_the_error_names_a_length_that_differs_from_the_audio(
    make_data_dir: MakeDataDir, tmp_path: Path, listed: int, is_right: bool
) -> None:
    data = make_data_dir("train", {"a-1": 1600, "a-2": 16000})
    write_scp(data / "utt2num_samples", {"a-1": 1600, "a-2": listed})
    if is_right:
        dump_data_dir(data, tmp_path / "dump", DumpOptions(LIMITS, (0.9,)))
        return
    message = f"utt2num_samples: utterance a-2 has {listed} samples, but its audio 16000 at 16000 Hz; correct"
    with pytest.raises(UserError, match=message):
        dump_data_dir(data, tmp_path / "dump", DumpOptions(LIMITS, (0.9,)))
    assert not (tmp_path / "dump/wav.scp").exists()


@pytest.mark.parametrize(("num_samples", "rate", "found"), [(559, 16000, 559), (450, 16000, 450), (1, 48000, 0)])
def test_the_error_names_an_utterance_too_short_for_encoders_unless_excluded(
    data: Path, tmp_path: Path, num_samples: int, rate: int, found: int
) -> None:
    path = DataDir(data).wav_scp["b-1"]
    soundfile.write(path, np.zeros(num_samples), rate)
    error = f"{data}: utterance b-1: {path}: {found} samples at 16 kHz are too short for the encoders, which need 560"
    with pytest.raises(UserError, match=error):
        dump_data_dir(data, tmp_path / "test", DumpOptions(DurationLimits(0, 1)))
    assert not (tmp_path / "test/wav.scp").exists()
    assert dump_data_dir(data, tmp_path / "test", DumpOptions(LIMITS)).excluded.counts() == {"shorter than 0.05 s": 1}


def test_the_error_of_damaged_dumped_audio_names_its_utterance(data: Path, tmp_path: Path) -> None:
    dump_data_dir(data, tmp_path / "test", DumpOptions(LIMITS))
    for utterance, spec in DataDir(tmp_path / "test").wav_scp.items():
        archive = Path(spec.rpartition(":")[0])
        archive.write_bytes(archive.read_bytes()[: int(spec.rpartition(":")[2]) + 20])
        with pytest.raises(UserError, match=f"^utterance {utterance}: {spec}: cannot read dumped audio"):
            read_dumped(spec)


def test_synthetic_speech_is_not_perturbed(make_data_dir: MakeDataDir, tmp_path: Path) -> None:
    data = make_data_dir("train", {"a-1": 1600, "espeak-1": 1600})
    write_scp(data / "utt2source", read_scp(data / "utt2source") | {"espeak-1": "synthetic"})
    dump_data_dir(data, tmp_path / "dump", DumpOptions(LIMITS, (0.9,)))
    assert DataDir(tmp_path / "dump").utterances == ["a-1", "espeak-1", "sp0.9-a-1"]


def test_parts_of_recordings_are_dumped_like_files(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    folder = tmp_path / "data/talks"
    folder.mkdir(parents=True)
    talks = {name: to_int16(random.normal(0, 0.1, 80_000)) for name in ("t1", "t2")}
    for name, samples in talks.items():
        soundfile.write(folder / f"{name}.flac", samples, 16000)
    spans = {"a-1": ("t1", ((0.5, 1.25),)), "a-2": ("t1", ((2.0, 2.5), (3.0, 3.1))), "b-1": ("t2", ((4.0, 5.0),))}
    utterances = []
    for name, (talk, parts) in spans.items():
        length = sum(round(16000 * (end - start)) for start, end in parts)
        utterances.append(
            Utterance(name, name[0], folder / f"{talk}.flac", length, "ita", recording=talk, spans=parts,
                      text=f"testo {name}", translations={"eng": f"text {name}"})
        )  # fmt: skip
    write_utterances(folder, utterances)
    dump_data_dir(folder, tmp_path / "dump", DumpOptions(DurationLimits(0, 10), (0.9,)))
    dumped = DataDir(tmp_path / "dump")
    validate_data_dir(dumped.path)
    assert dumped.utterances == ["a-1", "a-2", "b-1", "sp0.9-a-1", "sp0.9-a-2", "sp0.9-b-1"]
    assert dumped.segments is None
    for name, (talk, parts) in spans.items():
        expected = np.concatenate([talks[talk][round(16000 * s) : round(16000 * e)] for s, e in parts]) / 32768
        np.testing.assert_array_equal(read_dumped(dumped.wav_scp[name]), expected.astype(np.float32))
        slow = resample(expected.astype(np.float32), 14400)
        np.testing.assert_allclose(read_dumped(dumped.wav_scp[f"sp0.9-{name}"]), np.clip(slow, -1, 1), atol=1 / 32768)
    assert dumped.read("text.eng") == {name: f"text {name.removeprefix('sp0.9-')}" for name in dumped.utterances}


def test_a_recording_is_never_read_completely_for_its_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = tmp_path / "talk.wav"
    soundfile.write(talk, np.full(16000 * 60, 0.1), 16000)
    read: list[int] = []
    plain = soundfile.SoundFile.read

    def count(self: soundfile.SoundFile, frames: int = -1, *args: object, **options: object) -> np.ndarray:
        samples = plain(self, frames, *args, **options)
        read.append(len(samples))
        return samples

    monkeypatch.setattr(soundfile.SoundFile, "read", count)
    jobs = tuple(dump.AudioJob(f"u{i}", str(talk), 1.0, ((float(i), i + 1.5),)) for i in range(10))
    (tmp_path / "audio").mkdir()
    dump.dump_shard(dump.ShardJob(tmp_path / "audio/audio.0000", jobs, LIMITS._replace(max_s=10), "wav"))
    assert read == [24000] * 10
