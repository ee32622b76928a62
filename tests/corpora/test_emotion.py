"""Stage 1 of egs/emotion, on tiny corpora laid out like the real ones."""

import json
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

import emotion_sets
from emotion_sets import RECIPE
from espnet_ext.bin.entry import run_main
from espnet_ext.bin.prepare_data import prepare_data
from espnet_ext.corpora import recipe
from espnet_ext.corpora.corpus import Options
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.validate import validate_data_dir
from espnet_ext.utils.errors import UserError
from helpers.crema_d_tree import write_crema_d
from helpers.iemocap_tree import write_iemocap
from helpers.ravdess_tree import write_ravdess

ENTRY = Path(emotion_sets.__file__).with_name("prepare.py")
SETS = ("train", "dev", "test")
ALL = {"angry", "calm", "disgusted", "fearful", "happy", "neutral", "sad", "surprised"}


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("corpora")
    write_crema_d(root / "crema_d")
    write_ravdess(root / "ravdess")
    write_iemocap(root / "iemocap")
    return {name: root / name for name in ("crema_d", "ravdess", "iemocap")}


def prepare(options: Options, data: Path) -> Iterator[str]:
    return recipe.prepare(RECIPE, options, data)


def options(roots: dict[str, Path], *names: str, **changes) -> Options:
    return RECIPE.make_options(**{name: roots[name] for name in names} | {"allow_incomplete": True} | changes)


@pytest.fixture(scope="module")
def prepared(roots: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    data = tmp_path_factory.mktemp("prepared") / "data"
    return data, list(prepare(options(roots, *roots), data))


def test_a_fold_contains_all_corpora(prepared: tuple[Path, list[str]]) -> None:
    data, lines = prepared
    sizes = {}
    for name in SETS:
        validate_data_dir(data / name)
        sizes[name] = len(DataDir(data / name).utterances)
        assert any(line.startswith(f"{data / name}: {sizes[name]} utterances, ") for line in lines)
    # 120 clips, 95 takes and 100 turns.
    assert sum(sizes.values()) == 120 + 95 + 100
    assert 0.15 < sizes["test"] / 315 < 0.3
    assert (data / "not_prepared.tsv").read_text() == ""


def test_no_speaker_is_in_two_sets_and_every_emotion_in_each(prepared: tuple[Path, list[str]]) -> None:
    data, lines = prepared
    sets = {name: DataDir(data / name) for name in SETS}
    speakers = [speaker for one in sets.values() for speaker in set(one.utt2spk.values())]
    assert len(speakers) == len(set(speakers)) == 10 + 6 + 10
    for one in sets.values():
        assert set(one.read("utt2emotion").values()) == ALL
        assert set(one.read("utt2gender").values()) == {"female", "male"}
        assert set(one.read("utt2emotion")) == set(one.utterances)
    counts = Counter(sets["test"].read("utt2emotion").values())
    assert f"  emotions: {', '.join(f'{count} {emotion}' for emotion, count in sorted(counts.items()))}" in lines


def test_sessions_are_the_folds_of_iemocap(roots: dict[str, Path], tmp_path: Path) -> None:
    for fold, (test, dev) in {1: ("1", "2"), 5: ("5", "1")}.items():
        list(prepare(options(roots, "iemocap", fold=fold), tmp_path))
        sessions = {name: set(DataDir(tmp_path / name).read("utt2session").values()) for name in SETS}
        assert (sessions["test"], sessions["dev"]) == ({test}, {dev})
        assert sessions["train"] == set("12345") - {test, dev}


def test_every_speaker_is_tested_once_and_folds_are_reproducible(roots: dict[str, Path], tmp_path: Path) -> None:
    tested: list[str] = []
    for fold in range(1, 4):
        list(prepare(options(roots, "crema_d", fold=fold, num_folds=3), tmp_path / str(fold)))
        tested += set(DataDir(tmp_path / str(fold) / "test").utt2spk.values())
    assert len(tested) == len(set(tested)) == 10
    list(prepare(options(roots, "crema_d", fold=3, num_folds=3, nj=2), tmp_path / "again"))
    for path in sorted((tmp_path / "3").rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "again" / path.relative_to(tmp_path / "3")).read_bytes()


def test_excluded_utterances_are_counted_and_listed(prepared: tuple[Path, list[str]]) -> None:
    data, lines = prepared
    reasons: Counter[str] = Counter()
    for name in SETS:
        provenance = json.loads((data / name / "provenance.json").read_text())
        assert (provenance["corpus"], provenance["fold"]) == ("CREMA-D, RAVDESS, IEMOCAP", "1 of 5")
        reasons.update(provenance["excluded"])
        speakers = set(DataDir(data / name).utt2spk.values())
        rows = (data / name / "excluded.tsv").read_text().splitlines()[1:]
        listed = {"-".join(row.split("\t")[0].split("-")[:2]) for row in rows}
        # A turn that was not evaluated has no speaker here.
        assert listed - {"iemocap-Ses01F_impro01_M999"} <= speakers
    assert reasons == {
        "known to be faulty": 2, "another emotion": 40, "evaluators disagree": 20, "not evaluated": 1,
        "second file of this name": 16, "same file as another take": 1, "sung": 1,
    }  # fmt: skip
    notes = {line.removeprefix("  note: ") for line in lines if line.startswith("  note: ")}
    assert notes == {
        "CREMA-D: speakers: 10 here, 91 published (-81)",
        "CREMA-D: recordings: 122 here, 7,442 published (-7,320)",
        "RAVDESS: speakers: 6 here, 24 published (-18)",
        "RAVDESS: recordings: 96 here, 1,440 published (-1,344)",
        "IEMOCAP: recordings: 160 here, 10,039 published (-9,879)",
        "IEMOCAP: turns of the four classes: 100 here, 5,531 published (-5,431)",
    }


def test_an_incomplete_corpus_is_an_error(roots: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="IEMOCAP: recordings: 160 here, 10,039 published .*--allow_incomplete true"):
        list(prepare(options(roots, "iemocap", allow_incomplete=False), tmp_path))
    crema_d = tmp_path / "crema_d"
    shutil.copytree(roots["crema_d"], crema_d)
    (crema_d / "VideoDemographics.csv").unlink()
    with pytest.raises(UserError, match=r"CREMA-D lacks .*VideoDemographics\.csv"):
        list(prepare(options({"crema_d": crema_d}, "crema_d", allow_incomplete=False), tmp_path / "data"))
    lines = list(prepare(options({"crema_d": crema_d}, "crema_d"), tmp_path / "data"))
    assert any("the gender and age of its actors are not known" in line for line in lines)
    assert not (tmp_path / "data/test/utt2gender").exists()


def test_a_turn_without_audio_is_excluded(roots: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(roots["iemocap"], tmp_path / "iemocap")
    (tmp_path / "iemocap/Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M000.wav").unlink()
    lines = list(prepare(options({"iemocap": tmp_path / "iemocap"}, "iemocap"), tmp_path / "data"))
    assert "  note: IEMOCAP: recordings: 159 here, 10,039 published (-9,880)" in lines


def test_a_fold_with_a_missing_session_is_an_error(roots: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(roots["iemocap"], tmp_path / "iemocap")
    shutil.rmtree(tmp_path / "iemocap/Session2")
    given = options({"iemocap": tmp_path / "iemocap"}, "iemocap", fold=2)
    with pytest.raises(UserError, match=r"test of fold 2 has no utterances: IEMOCAP has \[1, 3, 4, 5\]; choose"):
        list(prepare(given, tmp_path / "data"))
    assert not (tmp_path / "data/not_prepared.tsv").exists()


def test_a_killed_run_leaves_complete_sets_and_the_next_run_makes_the_rest(
    prepared: tuple[Path, list[str]], roots: dict[str, Path], tmp_path: Path
) -> None:
    data, _ = prepared
    command = [sys.executable, str(ENTRY), "--data", str(tmp_path), "--nj", "1"]
    command += ["--allow_incomplete", "true"]
    command += [word for name, root in roots.items() for word in (f"--{name}", str(root))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        for line in process.stdout:
            if f"{tmp_path / 'train'}: " in line:
                process.send_signal(signal.SIGKILL)
                break
    validate_data_dir(tmp_path / "train")
    assert not (tmp_path / "not_prepared.tsv").exists(), "written last: it marks all sets as complete"
    subprocess.run(command, check=True, capture_output=True)
    for path in sorted(data.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / path.relative_to(data)).read_bytes()
    assert not list(tmp_path.glob(".tmp-*"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fold": 6}, r"--fold 6: expected 1 to 5 \(--num_folds\)"),
        ({"num_folds": 2}, "--num_folds 2: at least 3, for train, dev and test"),
        ({"num_folds": 10}, "--num_folds 10: the folds of IEMOCAP are its sessions; give --num_folds 5"),
        ({"crema_d": Path("absent")}, "--crema_d absent: no such folder"),
    ],
)
def test_options_are_checked(roots: dict[str, Path], changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        options(roots, "iemocap", **changes)


def test_a_recipe_without_any_corpus_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no corpus given; name the folder of at least one: --crema_d --ravdess"):
        list(prepare(RECIPE.make_options(), tmp_path))


def test_the_command_prepares_a_fold(
    roots: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    command = ["prepare", "--data", str(tmp_path), "--iemocap", str(roots["iemocap"]), "--nj", "1"]
    monkeypatch.setattr("sys.argv", [*command, "--allow_incomplete", "yes"])
    with pytest.raises(SystemExit, match="1"):
        run_main(partial(prepare_data, RECIPE))
    assert "expected true or false, found 'yes'" in capsys.readouterr().err
    command += ["--allow_incomplete", "true", "--iemocap_emotions", "all", "--merge_excited", "false", "--fold", "4"]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit, match="0"):
        run_main(partial(prepare_data, RECIPE))
    assert f"{tmp_path / 'test'}: 24 utterances" in capsys.readouterr().out
    emotions = set(DataDir(tmp_path / "test").read("utt2emotion").values())
    assert emotions == {"angry", "happy", "excited", "sad", "neutral", "frustrated"}
