"""Options of egs/mini_prompts/local/data.sh: a wrong option gives one error line, and --help lists all options."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOCAL = ROOT / "egs/mini_prompts/local"
LINKS = ("path.sh", "cmd.sh", "utt.sh")


def run(*options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'egs/TEMPLATE'}"}
    command = [sys.executable, LOCAL / "prepare.py", *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--num_synthetic_sentences", "-1"], "expected a whole number, found '-1'"),
        (["--voices_per_prompt", "999"], "--voices_per_prompt: at most"),
        (["--nj", "0"], "--nj: must be at least 1"),
    ],
)
def test_bad_preparation_options_give_one_error_line(options: list[str], message: str) -> None:
    done = run(*options)
    assert done.returncode == 1
    assert message in done.stderr and done.stderr.count("\n") == 1


def test_help_lists_every_option_even_in_a_folder_that_needs_quotes(tmp_path: Path) -> None:
    recipe = tmp_path / "it's my recipe"
    shutil.copytree(LOCAL, recipe / "local")
    for name in LINKS:
        (recipe / name).symlink_to(ROOT / "egs/TEMPLATE" / name)
    done = subprocess.run([recipe / "local/data.sh", "--help"], cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    options = (LOCAL / "options.sh").read_text()
    names = {line.partition("=")[0] for line in options.splitlines() if "=" in line and not line.startswith("#")}
    assert len(names) == 4
    assert all(f"--{name} " in done.stdout for name in names | {"data", "nj"})
