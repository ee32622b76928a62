"""Stage 1 on tiny packages: sets, counts, no leak, and reproducible bytes."""

import csv
import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

import asterisk
import asterisk_extra
import kde
import pocketsphinx_data
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.overlap import normalize_text, validate_split
from espnet_ext.kaldi.trials import read_trials
from espnet_ext.kaldi.validate import validate_data_dir
from helpers.asterisk_tree import write_core_voice
from mini_prompts import SHARED, SyntheticOptions, prepare, required_packages
from mini_prompts_set import describe_catalogues
from packages.debian import DebianPackages, UnpackedPackage
from packages.pinned import CATALOGUES, DEBIAN_PACKAGES

NUM_KEYS = 90  # 60 to test, 24 to dev, 6 to train
OPTIONS = SyntheticOptions(num_sentences=0, voices_per_prompt=1, voices_per_sentence=1, nj=1)
SETS = ("train", "dev", "test_sent", "test_spk")


def write_noise(path: Path, seconds: float, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).normal(0, 0.1, round(seconds * 8000))
    gsm = {"format": "RAW", "subtype": "GSM610"} if path.suffix == ".gsm" else {}
    soundfile.write(path, samples, 8000, **gsm)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> DebianPackages:
    """Packages: five voices with 90 sentences and a digit, three more voices, KDE, pocketsphinx."""
    root = tmp_path_factory.mktemp("with space") / "my packages"
    for voice in asterisk.CORE_VOICES:
        keys = [f"key{number:02d}" for number in range(NUM_KEYS)]
        texts = {key: f"{voice.language} text {key}" for key in keys}
        # The words of key00 under another key, and the same word in every language.
        texts |= {"zz-copy": texts["key00"], "digits/1": "asterisk", "note": "[tone]"}
        transcript = "".join(f"{key}: {text}\n" for key, text in texts.items())
        write_core_voice(root, voice, transcript.encode(), dict.fromkeys(texts, 0.5))
    for voice in asterisk_extra.EXTRA_VOICES:
        for number in range(3):
            folder = root / voice.package / "usr/share/asterisk/sounds" / voice.folder
            write_noise(folder / f"key{number:02d}{voice.suffix}", 2.0, number)
    for seed, code in enumerate(sorted(kde.LANGUAGES)[:20]):
        for number in range(12):
            folder = root / "klettres-data" / kde.ROOTS["klettres-data"] / code / "alpha"
            write_noise(folder / f"{number:02d}.wav", 0.6, 100 * seed + number)
    (root / "ktuberling-data" / kde.ROOTS["ktuberling-data"]).mkdir(parents=True)
    for folder, transcript in pocketsphinx_data.FOLDERS.items():
        path = root / pocketsphinx_data.PACKAGE / "usr/share/pocketsphinx/test/data" / folder
        for number, seconds in enumerate((2.0, 1.0)):
            write_noise(path / f"{number}.wav", seconds, number)
        (path / transcript).write_text("<s> one </s> (0)\n<s> two </s> (1)\n")
    unpacked = {name: UnpackedPackage(root / name, "1.0", f"sha256 of {name}") for name in required_packages(OPTIONS)}
    return DebianPackages(unpacked, {})


@pytest.fixture(scope="module")
def data(packages: DebianPackages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared") / "my data"
    lines = prepare(packages, folder, OPTIONS)
    assert list(lines) == list(SETS)
    return folder


def test_held_out_sentences_have_one_recording_per_voice(data: Path) -> None:
    for name, sentences in (("test_sent", 60), ("dev", 24)):
        held_out = DataDir(data / name)
        assert len(held_out.utterances) == 5 * sentences
        assert len(set(held_out.utt2sent.values())) == sentences
        assert set(held_out.utt2spk.values()) == {"allison", "june", "carlo", "ru_ivr"}
        assert set(held_out.utt2source.values()) == {"real"}


def test_no_held_out_text_is_in_training(data: Path) -> None:
    train = {normalize_text(text) for text in DataDir(data / "train").text.values()}
    held_out = {normalize_text(text) for name in ("dev", "test_sent") for text in DataDir(data / name).text.values()}
    assert len(held_out) == 84 * 5
    assert train.isdisjoint(held_out)
    sides = {name: "zz-copy" in " ".join(DataDir(data / name).utterances) for name in SETS}
    # The copy is in training only if its sentence is.
    assert sides == {"train": "key00" in train_sentences(data), "dev": False, "test_sent": False, "test_spk": False}


def train_sentences(data: Path) -> set[str]:
    return set(DataDir(data / "train").utt2sent.values())


def test_training_has_the_other_prompts_and_a_synthetic_copy_of_each(data: Path) -> None:
    train = DataDir(data / "train")
    real = {u for u, source in train.utt2source.items() if source == "real" and u in train.text}
    synthetic = set(train.utterances) - {u for u, source in train.utt2source.items() if source == "real"}
    spoken_twice = "key00" in train_sentences(data)
    assert len(real) == (6 + 1 + spoken_twice) * 5
    assert len(synthetic) == (6 + 1) * 5
    assert {train.utt2sent[u] for u in synthetic} == {train.utt2sent[u] for u in real}


def test_unseen_voices_are_compared_in_trials(data: Path) -> None:
    train, test = DataDir(data / "train"), DataDir(data / "test_spk")
    speakers = set(test.utt2spk.values())
    assert speakers.isdisjoint(train.utt2spk.values())
    assert len([speaker for speaker in speakers if speaker.startswith("klettres")]) == 16
    assert len([s for s in set(train.utt2spk.values()) if s.startswith("klettres")]) == 4
    assert {u: test.utt2sent.get(u) for u in test.utterances if u.startswith("armelle")} == {
        "armelle-fra-key00": "key00",
        "armelle-fra-key01": "key01",
        "armelle-fra-key02": "key02",
    }
    trials = read_trials(test.trials()["verification"], test.wav_scp)
    counts = [len(names.split()) for names in test.spk2utt.values()]
    assert sum(trial.is_target for trial in trials) == sum(n * (n - 1) // 2 for n in counts)
    total = len(test.utterances)
    assert len(trials) == total * (total - 1) // 2  # one folder per language here, so all pairs are compared


def test_the_sets_pass_the_validator_and_share_only_what_is_declared(data: Path) -> None:
    for name in SETS:
        validate_data_dir(data / name)
    for name, shared in SHARED.items():
        validate_split(data / "train", data / name, shared)


def test_excluded_utterances_and_sources_are_listed(data: Path) -> None:
    with open(data / "train/excluded.tsv", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    notes = [row["utterance"] for row in rows if row["reason"] == "bracketed text, not only speech"]
    assert sorted(notes) == sorted(f"{v.speaker}-{v.language}-note" for v in asterisk.CORE_VOICES)
    provenance = json.loads((data / "test_spk/provenance.json").read_text())
    armelle = provenance["sources"]["asterisk-prompt-fr-armelle"]
    assert (armelle["version"], armelle["sha256"]) == ("1.0", "sha256 of asterisk-prompt-fr-armelle")
    assert armelle["utterances"] == 3 and "BSD" in armelle["licence"]
    assert "catalogues" not in provenance
    assert provenance["excluded"]["shorter than 1.5 s"] == 2  # of pocketsphinx


def test_catalogues_can_be_missing_or_changed_and_are_recorded(
    packages: DebianPackages, data: Path, tmp_path: Path
) -> None:
    first, second, *others = (package.name for package in CATALOGUES)
    unpacked = {first: UnpackedPackage(tmp_path, "2.0", "changed")}
    unpacked[second] = UnpackedPackage(tmp_path, "1.0", DEBIAN_PACKAGES[second].sha256)
    absent = dict.fromkeys(others, "not in the lists")
    changed = DebianPackages(packages.unpacked | unpacked, absent)
    prepare(changed, tmp_path / "data", dataclasses.replace(OPTIONS, num_sentences=10))
    catalogues = json.loads((tmp_path / "data/train/provenance.json").read_text())["catalogues"]
    assert catalogues.pop(first) == {"version": "2.0", "sha256": "changed"}
    assert catalogues.pop(second) == {"version": "1.0", "sha256": DEBIAN_PACKAGES[second].sha256}
    assert catalogues == {name: {"absent": "not in the lists"} for name in others}
    assert "19 packages of text catalogues: 17 absent, 1 other than in Debian 12;" in describe_catalogues(changed)
    for name in ("dev", "test_sent", "test_spk"):
        for path in (data / name).rglob("*"):
            if path.is_file():
                same = path.read_text().replace(str(data), str(tmp_path / "data"))
                assert (tmp_path / "data" / name / path.relative_to(data / name)).read_text() == same


def test_no_line_is_printed_for_the_catalogues_of_debian_12(packages: DebianPackages, tmp_path: Path) -> None:
    unpacked = {package.name: UnpackedPackage(tmp_path, "9", package.sha256) for package in CATALOGUES}
    assert describe_catalogues(DebianPackages(packages.unpacked | unpacked, {})) is None


def test_a_run_after_a_kill_ends_with_the_same_bytes(data: Path, packages: DebianPackages) -> None:
    def contents() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in sorted(data.rglob("*")) if path.is_file()}

    whole = contents()
    shutil.rmtree(data / "dev")
    (data / ".tmp-half-dev").mkdir()
    for folder in ("local/chunks", "local/synthetic/prompts"):
        shutil.rmtree(sorted((data / folder).iterdir())[0])
        (data / folder / ".tmp-half").mkdir()
    prepare(packages, data, OPTIONS)
    assert contents() == whole
