"""Stage 1 of egs/fleurs_voxceleb, on tiny corpora laid out like the real ones."""

import json
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from clips import Clip, tone, tones
from corpora_tree import write_corpora
from fleurs_tree import write_fleurs
from voxceleb_tree import write_voxceleb2

from espnet_ext.bin import prepare_fleurs_voxceleb
from espnet_ext.bin.entry import run_main
from espnet_ext.data.corpora.fleurs_voxceleb import CORPORA, prepare
from espnet_ext.data.corpora.fleurs_voxceleb_options import Options
from espnet_ext.data.data_dir import DataDir
from espnet_ext.data.trials import read_trials
from espnet_ext.data.validate import validate_data_dir
from espnet_ext.errors import UserError


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_corpora(tmp_path_factory.mktemp("corpora"))


def options(roots: dict[str, Path], **changes) -> Options:
    return Options(
        **roots | {"languages": ("en_us", "fr_fr"), "num_valid_speakers": 2, "allow_incomplete": True} | changes
    )


@pytest.fixture(scope="module")
def prepared(roots: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    data = tmp_path_factory.mktemp("prepared") / "data"
    return data, list(prepare(options(roots), data))


def test_every_set_of_the_recipe_is_made_and_valid(prepared: tuple[Path, list[str]]) -> None:
    data, lines = prepared
    sizes = {}
    for corpus in CORPORA.values():
        for name in corpus.sets:
            validate_data_dir(data / name)
            sizes[name] = len(DataDir(data / name).utterances)
            assert any(line.startswith(f"{data / name}: {sizes[name]} utterances") for line in lines)
    fixed = {name: size for name, size in sizes.items() if not name.startswith("voxpopuli")}
    assert fixed == {
        "fleurs_train": 8, "fleurs_dev": 2, "fleurs_test": 4,
        "voxceleb2_train": 16, "voxceleb2_valid": 8, "voxceleb2_cohort": 16,
        "voxceleb1_o": 4, "voxceleb1_eh": 10,
        "commonvoice_train": 6, "commonvoice_dev": 1, "mtedx_test": 2,
    }  # fmt: skip
    assert (data / "not_prepared.tsv").read_text() == ""


def test_utterances_of_two_sets_have_the_name_of_their_corpus_first(prepared: tuple[Path, list[str]]) -> None:
    data, _ = prepared
    for name, corpus in CORPORA.items():
        for one in corpus.sets:
            assert all(utterance.startswith(name) for utterance in DataDir(data / one).utterances)


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


def test_trials_of_voxceleb1_are_those_of_the_lists(prepared: tuple[Path, list[str]], roots: dict[str, Path]) -> None:
    data, _ = prepared
    for one, names in (("voxceleb1_o", ("O", "O-original")), ("voxceleb1_eh", ("E", "E-original", "H", "H-original"))):
        trials = DataDir(data / one).trials()
        assert tuple(trials) == names
    lines = (roots["voxceleb1"] / "veri_test2.txt").read_text().replace("/", "-").replace(".wav", "").splitlines()
    expected = "".join(
        " ".join([kind, *(f"voxceleb1-{name}" for name in names)]) + "\n" for kind, *names in map(str.split, lines)
    )
    assert (data / "voxceleb1_o/trials/O").read_text() == expected


def test_common_voice_train_lacks_speakers_and_texts_of_dev(prepared: tuple[Path, list[str]]) -> None:
    data, _ = prepared
    left_out = (data / "commonvoice_train/left_out.tsv").read_text().splitlines()[1:]
    assert sorted(line.split("\t")[2] for line in left_out) == [
        "same text as an evaluation sentence", "speaker of an evaluation set"
    ]  # fmt: skip


def test_rare_accents_are_no_labels(
    prepared: tuple[Path, list[str]], roots: dict[str, Path], tmp_path: Path
) -> None:
    data, lines = prepared
    assert not (data / "commonvoice_train/utt2accent").exists()
    note = "0 of 1 accents have 20 training speakers (--min_accent_speakers); the others are no labels"
    assert f"  note: {note}" in lines
    list(prepare(options({"commonvoice": roots["commonvoice"]}, min_accent_speakers=1), tmp_path))
    train = DataDir(tmp_path / "commonvoice_train")
    assert set(train.read("utt2accent").values()) == {"United States English,Midwestern"}
    assert set(train.read("utt2age_years").values()) == {"25"}
    assert train.read("utt2gender") == DataDir(data / "commonvoice_train").read("utt2gender")


def test_pairs_share_sentences_and_translations_go_along(prepared: tuple[Path, list[str]]) -> None:
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


def test_clips_are_counted_against_their_release(roots: dict[str, Path], tmp_path: Path) -> None:
    release = "cv-corpus-19.0-2024-09-13"
    (tmp_path / "cv").mkdir()
    (tmp_path / "cv" / release).symlink_to(roots["commonvoice"])
    given = {"commonvoice": tmp_path / "cv"}
    lines = list(prepare(options(given), tmp_path / "data"))
    assert f"  note: Common Voice {release} en train: clips: 5 here, 1,116,566 published (-1,116,561)" in lines
    assert any("Common Voice train: 129 of its languages are not here: ab, af, " in line for line in lines)
    lines = list(prepare(options(given, commonvoice_languages=("en",)), tmp_path / "data"))
    assert not any("languages are not here" in line for line in lines)
    with pytest.raises(UserError, match="incomplete corpus: .* en train: clips: 5 here.*--allow_incomplete true"):
        list(prepare(options(given, allow_incomplete=False), tmp_path / "data"))


def test_the_same_corpora_give_the_same_files(
    prepared: tuple[Path, list[str]], roots: dict[str, Path], tmp_path: Path
) -> None:
    data, _ = prepared
    list(prepare(options({"voxceleb2": roots["voxceleb2"]}, nj=3), tmp_path))
    for path in sorted((tmp_path / "voxceleb2_valid").rglob("*")):
        if path.is_file():
            assert (
                path.read_bytes()
                == (data / "voxceleb2_valid" / path.relative_to(tmp_path / "voxceleb2_valid")).read_bytes()
            )


def test_a_killed_run_leaves_whole_sets_and_the_next_one_completes_them(
    prepared: tuple[Path, list[str]], roots: dict[str, Path], tmp_path: Path
) -> None:
    data, _ = prepared
    command = [sys.executable, "-m", "espnet_ext.bin.prepare_fleurs_voxceleb", "--data", str(tmp_path)]
    command += ["--allow_incomplete", "true", "--num_valid_speakers", "2", "--languages", "en_us fr_fr"]
    command += [word for name in ("fleurs", "voxceleb2") for word in (f"--{name}", str(roots[name]))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        for line in process.stdout:
            if "fleurs_train: " in line:
                process.send_signal(signal.SIGKILL)
                break
    made = [path for path in tmp_path.iterdir() if path.name.startswith(("fleurs_t", "fleurs_d", "voxceleb"))]
    assert 1 <= len(made) < 6
    for path in made:
        validate_data_dir(path)
    assert not (tmp_path / "not_prepared.tsv").exists(), "written last: it says that all sets are there"
    subprocess.run(command, check=True, capture_output=True)
    assert not list(tmp_path.glob(".tmp-*"))
    for name in ("fleurs_train/text", "voxceleb2_train/wav.scp", "voxceleb2_valid/trials/dev"):
        assert (tmp_path / name).read_bytes() == (data / name).read_bytes()


def test_a_corpus_that_is_not_given_is_left_out_with_a_line(roots: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "mtedx_test").mkdir()  # of an earlier run
    lines = list(prepare(options({"fleurs": roots["fleurs"]}), tmp_path))
    assert "--mtedx not given: no speech-to-text retrieval on mTEDx (mtedx_test left out)" in lines
    assert sum("not given" in line for line in lines) == 5
    rows = dict(line.split("\t") for line in (tmp_path / "not_prepared.tsv").read_text().splitlines())
    assert sorted(rows) == sorted(one for name, corpus in CORPORA.items() if name != "fleurs" for one in corpus.sets)
    assert rows["voxceleb1_eh"] == "--voxceleb1 not given"
    assert not (tmp_path / "mtedx_test").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "fleurs_audio", "fleurs_dev", "fleurs_test", "fleurs_train", "not_prepared.tsv"
    ]  # fmt: skip


def test_no_corpus_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no corpus given; name the folder of at least one: --fleurs"):
        list(prepare(Options(), tmp_path))


def test_what_is_missing_is_named_and_passed_over_only_when_told(roots: dict[str, Path], tmp_path: Path) -> None:
    fleurs = tmp_path / "fleurs"
    shutil.copytree(roots["fleurs"], fleurs)
    (fleurs / "fr_fr/audio/train.tar.gz").unlink()
    given = options({"fleurs": fleurs}, languages=("en_us", "fr_fr", "ta_in"), allow_incomplete=False)
    with pytest.raises(UserError, match=r"lacks .*fr_fr/audio/train\.tar\.gz, .*/ta_in; .*--allow_incomplete true"):
        list(prepare(given, tmp_path / "data"))
    with pytest.raises(UserError, match="FLEURS en_us test: recordings: 2 here, 647 published"):
        list(prepare(options({"fleurs": roots["fleurs"]}, allow_incomplete=False), tmp_path / "data"))
    lines = list(prepare(options({"fleurs": fleurs}, languages=("en_us", "fr_fr", "ta_in")), tmp_path / "data"))
    assert any("note: FLEURS train of fr_fr is not there: " in line for line in lines)
    assert set(DataDir(tmp_path / "data/fleurs_train").utt2lang.values()) == {"eng"}
    assert set(DataDir(tmp_path / "data/fleurs_test").utt2lang.values()) == {"eng", "fra"}


def test_voxceleb1_without_its_dev_part_or_lists(roots: dict[str, Path], tmp_path: Path) -> None:
    vox = tmp_path / "vox"
    shutil.copytree(roots["voxceleb1"], vox)
    for folder in (vox / "wav").glob("id100*"):
        shutil.rmtree(folder)
    lines = list(prepare(options({"voxceleb1": vox}), tmp_path / "data"))
    assert any(
        line.startswith("voxceleb1_eh: not prepared: ") and "no folder of a dev speaker" in line for line in lines
    )
    for path in vox.glob("list_test_*"):
        path.unlink()
    list(prepare(options({"voxceleb1": vox}), tmp_path / "data"))
    rows = dict(line.split("\t") for line in (tmp_path / "data/not_prepared.tsv").read_text().splitlines())
    assert rows["voxceleb1_eh"].startswith("neither list_test_all2.txt nor list_test_hard2.txt in ")
    assert "voxceleb1_o" not in rows
    (vox / "veri_test2.txt").unlink()
    with pytest.raises(
        UserError, match=r"incomplete corpus: the trial list .*veri_test2\.txt; .*--allow_incomplete true"
    ):
        list(prepare(options({"voxceleb1": vox}, allow_incomplete=False), tmp_path / "data"))


def test_only_what_the_lists_name_is_in_the_extended_set(roots: dict[str, Path], tmp_path: Path) -> None:
    vox = tmp_path / "vox"
    shutil.copytree(roots["voxceleb1"], vox)
    for path in vox.glob("list_test_*"):
        path.write_text(path.read_text().partition("\n")[0] + "\n")
    list(prepare(options({"voxceleb1": vox}), tmp_path / "data"))
    assert len(DataDir(tmp_path / "data/voxceleb1_eh").utterances) == 2
    assert (tmp_path / "data/voxceleb1_eh/left_out.tsv").read_text().count("in no trial") == 8
    assert len(DataDir(tmp_path / "data/voxceleb1_o").utterances) == 4


def test_a_trial_list_is_never_shortened(roots: dict[str, Path], tmp_path: Path) -> None:
    vox = tmp_path / "vox"
    shutil.copytree(roots["voxceleb1"], vox)
    next((vox / "wav/id10270").rglob("*.wav")).unlink()
    with pytest.raises(UserError, match=r"veri_test2\.txt:1: utterance 'voxceleb1-id10270-.*' is not in VoxCeleb 1"):
        list(prepare(options({"voxceleb1": vox}, allow_incomplete=False), tmp_path / "data"))
    lines = list(prepare(options({"voxceleb1": vox}), tmp_path / "data"))
    assert any(line.startswith("voxceleb1_o: not prepared: ") and "veri_test2.txt:1" in line for line in lines)


def test_an_overlap_of_training_and_evaluation_is_listed(tmp_path: Path) -> None:
    clips = tones(["ann"], ["eng"], ["s1", "s2"])
    for clip, text in zip(clips, ("One.", "Two."), strict=True):
        clips[clips.index(clip)] = clip._replace(text=text)
    leaked = [clip._replace(text=f"Other {n}.") for n, clip in enumerate(clips)]
    write_fleurs(tmp_path / "fleurs", {"train": clips, "dev": tones(["cid"], ["eng"], ["s3"]), "test": leaked})
    given = options({"fleurs": tmp_path / "fleurs"}, languages=("en_us",))
    with pytest.raises(UserError, match=r"overlaps with .*fleurs_train in 2 places: .*sentence 'fleurs-1'.*'fleurs-2'"):
        list(prepare(given, tmp_path / "data"))


def test_a_training_sentence_with_the_text_of_a_test_sentence_is_left_out(tmp_path: Path) -> None:
    test = Clip("dan", "eng", "s2", "the same WORDS", tone(300))
    train = [Clip("ann", "eng", "s1", "The same words!", tone(400)), Clip("ann", "eng", "s3", "Others.", tone(500))]
    write_fleurs(tmp_path / "fleurs", {"train": train, "dev": tones(["cid"], ["eng"], ["s4"]), "test": [test]})
    list(prepare(options({"fleurs": tmp_path / "fleurs"}, languages=("en_us",)), tmp_path / "data"))
    assert list(DataDir(tmp_path / "data/fleurs_train").text.values()) == ['"Others.']


def test_options_are_checked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--languages: FLEURS has no xx_yy; its languages: af_za am_et"):
        Options(languages=("en_us", "xx_yy"))
    with pytest.raises(UserError, match=r"--mtedx .*absent: no such folder"):
        Options(mtedx=tmp_path / "absent")
    with pytest.raises(UserError, match="--num_valid_speakers 5: VoxCeleb 2 has 6 speakers here"):
        write_voxceleb2(tmp_path, tones([f"s{n}" for n in range(6)], ["eng"], ["a"]))
        list(prepare(Options(voxceleb2=tmp_path, num_valid_speakers=5, allow_incomplete=True), tmp_path / "data"))


def test_the_command(
    roots: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    command = ["prepare", "--data", str(tmp_path), "--fleurs", str(roots["fleurs"]), "--languages", "en_us fr_fr"]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit, match="1"):
        run_main(prepare_fleurs_voxceleb.main)
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: incomplete corpus: FLEURS en_us test: recordings: 2 here, 647 published (-645); ")
    monkeypatch.setattr("sys.argv", [*command, "--allow_incomplete", "true", "--nj", "1"])
    with pytest.raises(SystemExit, match="0"):
        run_main(prepare_fleurs_voxceleb.main)
    assert f"{tmp_path / 'fleurs_train'}: 8 utterances" in capsys.readouterr().out
