"""Options of a recipe on the command line and in db.sh. No stage is run."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

EGS = Path(__file__).parents[2] / "egs"
# The part of utt.sh before the first stage, without the installation and the checks in Python.
SELECTION = """
set -euo pipefail
. "$1/parse_options.sh"
. "$1/check_options.sh"
. "$1/steps.sh"
lines="$(option_lines "$1/utt.sh")"
eval "${lines}"
. <(sed -n '/^declare -A aliases/,/^)/p' "$1/utt.sh")
db_roots=()
parse_options "${lines}" "${@:2}"
set_skipped_stages
set_fraction
set_speeds
summary=()
for number in 1 2 3 4 5 6 7; do run_stage "${number}" title true; done
echo "speeds: ${speed_list[*]}"
"""


def run(*words: str, recipe: Path = EGS / "mini_prompts") -> subprocess.CompletedProcess[str]:
    return subprocess.run([recipe / "run.sh", *words], capture_output=True, text=True, check=False)


def select(folder: Path, *words: str) -> tuple[list[str], str]:
    """Return the messages of the stages that run, and the speeds."""
    command = ["bash", "-c", SELECTION, "bash", EGS / "TEMPLATE", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    *messages, speeds = done.stdout.splitlines()
    return messages, speeds.removeprefix("speeds: ")


@pytest.mark.parametrize(
    ("words", "quick", "seed"),
    [
        (["--quick", "true"], "true", "0"),
        (["--quick", "false", "--seed", "3"], "false", "3"),
        (["--quick", "--seed", "3"], "true", "3"),
        (["--seed", "3", "--quick"], "true", "3"),
        ([], "false", "0"),
    ],
)
def test_a_switch_needs_no_value(words: list[str], quick: str, seed: str) -> None:
    done = run(*words, "--help")
    assert done.returncode == 0
    assert f"\n  --quick [{quick}]  " in done.stdout
    assert f"\n  --seed [{seed}]  " in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--quick", "maybe"], "error: --quick must be true or false, not 'maybe'\n"),
        (["--upload_to", "me/model", "--quick"], "error: --upload_to: a model trained with --quick is not uploaded; "),
        (["--quick", "--seed"], "error: option --seed needs a value\n"),
        (["--overwrite", "maybe"], "error: --overwrite must be true or false, not 'maybe'\n"),
        (["--expdir", ""], "error: --expdir is empty; omit it to use its default, 'exp'\n"),
        (["--dumpdir", ""], "error: --dumpdir is empty; "),
        (["--num_synthetic_sentences", ""], "error: --num_synthetic_sentences is empty; "),
        (["--train_set", ""], "error: --train_set is empty; "),
        (["--ngpu", "many"], "error: --ngpu must be a whole number or auto, not 'many'\n"),
        (["--tag", "../a"], "error: --tag may contain only letters, digits and "),
        (["--teacher_dir", "nosuch"], "error: --teacher_dir nosuch: no such folder\n"),
        (["--utt_tag", "../a"], "error: --tag may contain only letters, digits and "),
        (["--hf_repo", "me/model", "--quick"], "error: --upload_to: a model trained with --quick is not uploaded; "),
        (["--skip_train", "maybe"], "error: --skip_train must be true or false, not 'maybe'\n"),
        (["--skip_stages", "2 8"], "error: --skip_stages: '8' is not a stage; give numbers from 1 to 7, "),
        (["--init", "nosuch"], "error: --init nosuch is only used with --add_attribute; "),
    ],
)
def test_a_wrong_switch_gives_one_error_line(words: list[str], message: str) -> None:
    done = run(*words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(message) and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "stages"),
    [
        ([], "1234567"),
        (["--stage", "2", "--stop-stage", "5"], "2345"),
        (["--skip_stages", "2 4"], "13567"),
        (["--skip-data-prep"], "34567"),
        (["--skip_train", "true"], "124567"),
        (["--skip_eval"], "12367"),
        (["--skip_packing", "--skip_upload_hf", "--skip_stages", "1"], "2345"),
        (["--skip_upload_hf", "false"], "1234567"),
        (["--stage", "3", "--skip_train"], "4567"),
    ],
)
def test_stages_are_skipped_as_in_espnet(tmp_path: Path, words: list[str], stages: str) -> None:
    messages, _ = select(tmp_path, *words)
    # As `2026-01-31T12:00:00 (utt.sh:120) Stage 1: title`.
    found = [re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d \(\S+:\d+\) Stage (\d): title", line) for line in messages]
    assert "".join(match[1] for match in found if match) == stages


@pytest.mark.parametrize(
    ("words", "speeds"),
    [
        (["--speed_perturb_factors", "0.9 1.0 1.1"], "0.9 1.1"),
        (["--speed_perturb", "1 1.10 01.00"], "1.10"),
        (["--speed_perturb_factors", "1.0"], ""),
        (["--speed_perturb", "0.9", "--quick"], ""),
    ],
)
def test_the_original_speed_is_dropped_from_the_list(tmp_path: Path, words: list[str], speeds: str) -> None:
    assert select(tmp_path, *words)[1] == speeds


def test_aliases_set_the_options_that_they_name() -> None:
    words = {
        "--hf_repo": ("upload_to", "me/model"),
        "--utt_tag": ("tag", "mine"),
        "--utt-args": ("train_args", "--max_epoch 3"),
        "--min_wav_duration": ("min_duration_s", "0.1"),
        "--max_wav_duration": ("max_duration_s", "20"),
        "--speed_perturb_factors": ("speed_perturb", "0.9 1.0"),
    }
    done = run(*(word for name, (_, value) in words.items() for word in (name, value)), "--help")
    for name, (option, value) in words.items():
        assert f"\n  --{option} [{value}]  " in done.stdout
        assert f"\n  {name.replace('-args', '_args')}  same as --{option}\n" in done.stdout


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """egs/fleurs_voxceleb with a db.sh of ESPnet, and one of the two VoxCeleb corpora."""
    folder = tmp_path / "egs/it's mine"
    ignored = shutil.ignore_patterns("data", "dump*", "exp*")
    shutil.copytree(EGS / "fleurs_voxceleb", folder, ignore=ignored, symlinks=True)
    (tmp_path / "egs/TEMPLATE").symlink_to(EGS / "TEMPLATE")
    (tmp_path / "tools").symlink_to(EGS.parent / "tools")
    (tmp_path / "corpora/Vox Celeb/voxceleb2").mkdir(parents=True)
    (folder / "db.sh").write_text(
        f'FLEURS=/corpora/fleurs\nCOMMONVOICE=downloads\nMTEDX=\nVOXCELEB="{tmp_path}/corpora/Vox Celeb"\n'
    )
    return folder


def test_corpora_are_found_in_db_sh(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXPOPULI", "/not/from/the/environment")
    done = run("--help", recipe=recipe)
    given = {name: value for name, value in re.findall(r"^  --(\w+) \[(.*?)\]  ", done.stdout, re.MULTILINE)}
    assert given["fleurs"] == "/corpora/fleurs"
    assert given["voxceleb2"] == f"{recipe.parents[1]}/corpora/Vox Celeb/voxceleb2"
    assert [given[name] for name in ("voxceleb1", "commonvoice", "mtedx", "voxpopuli")] == [""] * 4


def test_an_unset_corpus_folder_is_not_passed_to_stage_1(recipe: Path) -> None:
    (recipe / "db.sh").write_text("VOXCELEB=\n")
    assert "\n  --voxceleb1 []  " in run("--help", recipe=recipe).stdout


def test_a_missing_corpus_folder_is_passed_to_stage_1(recipe: Path) -> None:
    """The wrong folder is reported by stage 1."""
    (recipe / "db.sh").write_text("VOXCELEB=/mistyped\n")
    assert "\n  --voxceleb1 [/mistyped/voxceleb1]  " in run("--help", recipe=recipe).stdout


def test_an_option_overrides_db_sh(recipe: Path) -> None:
    done = run("--fleurs", "/other", "--voxceleb2", "", "--help", recipe=recipe)
    assert "\n  --fleurs [/other]  " in done.stdout
    assert "\n  --voxceleb2 []  " in done.stdout


def test_a_recipe_can_print_the_declarations_of_its_options(recipe: Path) -> None:
    lines = "# Corpora\\nmine=  # a corpus\\nsize=3  # its size\\n"
    (recipe / "local/options.sh").write_text(f"list_data_options() {{ printf '{lines}'; }}\ndb_roots=(mine=FLEURS)\n")
    done = run("--size", "4", "--help", recipe=recipe)
    assert "\nCorpora:\n  --mine [/corpora/fleurs]  a corpus\n  --size [4]  its size\n" in done.stdout
    (recipe / "local/options.sh").write_text("list_data_options() { return 3; }\n")
    assert run("--help", recipe=recipe).stderr == "error: local/data.sh does not list its options\n"
