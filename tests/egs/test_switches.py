"""Switches among a recipe's options: with `true` or `false`, or alone. No stage is run."""

import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / "egs/mini_prompts/run.sh"


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([RUN, *words], capture_output=True, text=True, check=False)


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
        (["--upload_to", "me/model", "--quick"], "error: --upload_to: a model of --quick is not for others; "),
        (["--quick", "--seed"], "error: option --seed needs a value\n"),
        (["--overwrite", "maybe"], "error: --overwrite must be true or false, not 'maybe'\n"),
        (["--expdir", ""], "error: --expdir is empty; leave it out for its default, 'exp'\n"),
        (["--dumpdir", ""], "error: --dumpdir is empty; "),
        (["--num_synthetic_sentences", ""], "error: --num_synthetic_sentences is empty; "),
        (["--train_set", ""], "error: --train_set is empty; "),
        (["--ngpu", "many"], "error: --ngpu must be a whole number or auto, not 'many'\n"),
        (["--tag", "../a"], "error: --tag: only letters, digits and "),
        (["--teacher_dir", "nosuch"], "error: --teacher_dir nosuch: no such folder\n"),
        (["--init", "nosuch"], "error: --init nosuch is only used with --add_attribute; "),
    ],
)
def test_a_wrong_switch_is_one_line(words: list[str], message: str) -> None:
    done = run(*words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(message) and done.stderr.count("\n") == 1
