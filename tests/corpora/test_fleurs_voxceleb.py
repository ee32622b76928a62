"""Stage 1 of egs/fleurs_voxceleb, on tiny corpora laid out like the real ones."""

import json
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import fleurs_voxceleb_sets
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.trials import read_trials
from espnet_ext.kaldi.validate import validate_data_dir
from fleurs_voxceleb_sets import RECIPE
from helpers.clips import Clip, tone, tones
from helpers.corpora_tree import prepare, tiny_options
from helpers.fleurs_tree import write_fleurs

ENTRY = Path(fleurs_voxceleb_sets.__file__).with_name("prepare.py")


@pytest.fixture(scope="module")
def prepared(corpora: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    data = tmp_path_factory.mktemp("prepared") / "data"
    return data, list(prepare(tiny_options(corpora), data))


def test_every_set_of_the_recipe_is_made_and_valid(prepared: tuple[Path, list[str]]) -> None:
    data, lines = prepared
    sizes = {}
    for entry in RECIPE.corpora:
        for name in (one.name for one in entry.sets):
            validate_data_dir(data / name)
            sizes[name] = len(DataDir(data / name).utterances)
            assert any(line.startswith(f"{data / name}: {sizes[name]} utterances") for line in lines)
    fixed = {name: size for name, size in sizes.items() if not name.startswith("voxpopuli")}
    assert fixed == {
        "fleurs_train": 8, "fleurs_dev": 2, "fleurs_test": 4,
        "voxceleb2_train": 16, "voxceleb2_valid": 8, "voxceleb2_cohort": 16,
        "voxceleb1_o": 4, "voxceleb1_eh": 10,
        "commonvoice_train": 6, "commonvoice_dev": 1, "mtedx_test": 2,
        "mls_train": 8, "mls_dev": 1, "mls_test": 1,
    }  # fmt: skip
    assert (data / "not_prepared.tsv").read_text() == ""


def test_utterances_of_two_sets_have_the_name_of_their_corpus_first(prepared: tuple[Path, list[str]]) -> None:
    data, _ = prepared
    for entry in RECIPE.corpora:
        for one in entry.sets:
            utterances = DataDir(data / one.name).utterances
            assert all(utterance.startswith(entry.corpus.option) for utterance in utterances)


def test_held_out_speakers_are_in_no_training_set(prepared: tuple[Path, list[str]]) -> None:
    data, _ = prepared
    train, valid, cohort = (DataDir(data / f"voxceleb2_{name}") for name in ("train", "valid", "cohort"))
    assert len(set(train.utt2spk.values())) == 4
    assert len(set(valid.utt2spk.values())) == 2
    assert set(train.utt2spk.values()).isdisjoint(valid.utt2spk.values())
    assert set(cohort.utterances) <= set(train.utterances)
    trials = read_trials(valid.trials()["dev"], valid.utterances)
    # 2 videos of 2 utterances of each of 2 speakers: 4 pairs across videos a speaker.
    assert Counter(trial.is_target for trial in trials)[True] == 8


def test_trials_of_voxceleb1_are_those_of_the_lists(prepared: tuple[Path, list[str]], corpora: dict[str, Path]) -> None:
    data, _ = prepared
    for one, names in (("voxceleb1_o", ("O", "O-original")), ("voxceleb1_eh", ("E", "E-original", "H", "H-original"))):
        trials = DataDir(data / one).trials()
        assert tuple(trials) == names
    lines = (corpora["voxceleb1"] / "veri_test2.txt").read_text().replace("/", "-").replace(".wav", "").splitlines()
    expected = "".join(
        " ".join([kind, *(f"voxceleb1-{name}" for name in names)]) + "\n" for kind, *names in map(str.split, lines)
    )
    assert (data / "voxceleb1_o/trials/O").read_text() == expected


def test_common_voice_train_lacks_speakers_and_texts_of_dev(prepared: tuple[Path, list[str]]) -> None:
    data, _ = prepared
    excluded = (data / "commonvoice_train/excluded.tsv").read_text().splitlines()[1:]
    assert sorted(line.split("\t")[2] for line in excluded) == [
        "same text as an evaluation sentence", "speaker of an evaluation set"
    ]  # fmt: skip


def test_rare_accents_are_not_labels(
    prepared: tuple[Path, list[str]], corpora: dict[str, Path], tmp_path: Path
) -> None:
    data, lines = prepared
    assert not (data / "commonvoice_train/utt2accent").exists()
    note = "0 of 1 accents have 20 training speakers (--min_accent_speakers); the others are no labels"
    assert f"  note: {note}" in lines
    list(prepare(tiny_options({"commonvoice": corpora["commonvoice"]}, min_accent_speakers=1), tmp_path))
    train = DataDir(tmp_path / "commonvoice_train")
    assert set(train.read("utt2accent").values()) == {"United States English,Midwestern"}
    assert set(train.read("utt2age_years").values()) == {"25"}
    assert train.read("utt2gender") == DataDir(data / "commonvoice_train").read("utt2gender")


def test_pairs_share_sentences_and_have_translations(prepared: tuple[Path, list[str]]) -> None:
    data, _ = prepared
    pairs = DataDir(data / "voxpopuli_s2s")
    by_sentence: dict[str, set[str]] = {}
    for utterance, sentence in pairs.utt2sent.items():
        by_sentence.setdefault(sentence, set()).add(pairs.utt2lang[utterance])
    assert by_sentence
    assert all(languages == {"fra", "eng"} for languages in by_sentence.values())
    assert set(DataDir(data / "mtedx_test").read("text.eng").values()) == {"One.", "Two."}


def test_deviations_from_published_counts_are_printed(prepared: tuple[Path, list[str]]) -> None:
    data, lines = prepared
    notes = {line.removeprefix("  note: ") for line in lines if line.startswith("  note: ")}
    assert {
        "voxceleb2 dev: speakers: 6 here, 5,994 published (-5,988)",
        "voxceleb1 test: utterances: 4 here, 4,874 published (-4,870)",
        "trial list O: trials: 5 here, 37,611 published (-37,606)",
        "FLEURS en_us test: recordings: 2 here, 647 published (-645)",
        "no published count known for FLEURS train recordings: en_us, fr_fr",
        "no published count known for Common Voice commonvoice train clips: en, sv-SE",
        "no published count known for VoxPopuli test segments: fr",
        "VoxPopuli test: 15 of its languages are not here: cs, de, en, es, et, fi, hr, hu, it, lt and 5 more",
        "mTEDx it-en test: translated segments: 2 here, 999 published (-997)",
    } <= notes
    provenance = json.loads((data / "voxceleb1_o/provenance.json").read_text())
    assert provenance["corpus"] == "VoxCeleb 1"
    assert {"what": "trial list O: trials", "found": 5, "published": 37611} in provenance["published_counts"]


def test_the_same_corpora_give_the_same_files(
    prepared: tuple[Path, list[str]], corpora: dict[str, Path], tmp_path: Path
) -> None:
    data, _ = prepared
    list(prepare(tiny_options({"voxceleb2": corpora["voxceleb2"]}, nj=3), tmp_path))
    for path in sorted((tmp_path / "voxceleb2_valid").rglob("*")):
        if path.is_file():
            assert (
                path.read_bytes()
                == (data / "voxceleb2_valid" / path.relative_to(tmp_path / "voxceleb2_valid")).read_bytes()
            )


def test_a_killed_run_leaves_complete_sets_and_the_next_run_makes_the_rest(
    prepared: tuple[Path, list[str]], corpora: dict[str, Path], tmp_path: Path
) -> None:
    data, _ = prepared
    command = [sys.executable, str(ENTRY), "--data", str(tmp_path)]
    command += ["--allow_incomplete", "true", "--num_valid_speakers", "2", "--languages", "en_us fr_fr"]
    command += [word for name in ("fleurs", "voxceleb2") for word in (f"--{name}", str(corpora[name]))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        for line in process.stdout:
            if "fleurs_train: " in line:
                process.send_signal(signal.SIGKILL)
                break
    made = [path for path in tmp_path.iterdir() if path.name.startswith(("fleurs_t", "fleurs_d", "voxceleb"))]
    assert 1 <= len(made) < 6
    for path in made:
        validate_data_dir(path)
    assert not (tmp_path / "not_prepared.tsv").exists(), "written last: it marks all sets as complete"
    subprocess.run(command, check=True, capture_output=True)
    assert not list(tmp_path.glob(".tmp-*"))
    for name in ("fleurs_train/text", "voxceleb2_train/wav.scp", "voxceleb2_valid/trials/dev"):
        assert (tmp_path / name).read_bytes() == (data / name).read_bytes()


def test_the_extended_set_contains_only_listed_utterances(corpora: dict[str, Path], tmp_path: Path) -> None:
    vox = tmp_path / "vox"
    shutil.copytree(corpora["voxceleb1"], vox)
    for path in vox.glob("list_test_*"):
        path.write_text(path.read_text().partition("\n")[0] + "\n")
    list(prepare(tiny_options({"voxceleb1": vox}), tmp_path / "data"))
    assert len(DataDir(tmp_path / "data/voxceleb1_eh").utterances) == 2
    assert (tmp_path / "data/voxceleb1_eh/excluded.tsv").read_text().count("in no trial") == 8
    assert len(DataDir(tmp_path / "data/voxceleb1_o").utterances) == 4


def test_a_training_sentence_with_the_text_of_a_test_sentence_is_excluded(tmp_path: Path) -> None:
    test = Clip("dan", "eng", "s2", "the same WORDS", tone(300))
    train = [Clip("ann", "eng", "s1", "The same words!", tone(400)), Clip("ann", "eng", "s3", "Others.", tone(500))]
    write_fleurs(tmp_path / "fleurs", {"train": train, "dev": tones(["cid"], ["eng"], ["s4"]), "test": [test]})
    list(prepare(tiny_options({"fleurs": tmp_path / "fleurs"}, languages=("en_us",)), tmp_path / "data"))
    assert list(DataDir(tmp_path / "data/fleurs_train").text.values()) == ['"Others.']
