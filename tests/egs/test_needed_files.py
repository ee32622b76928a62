"""The files that attributes are trained on are checked before the dump."""

import subprocess
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).resolve().parents[2] / "egs/TEMPLATE"
SCRIPT = """
set -euo pipefail
fail() { echo "error: $*" >&2; exit 1; }
. "$1/stages/2_dump.sh"
attributes=conf/a.yaml
needed_file_list=("sem text text,utt2sent" "spk speech " "lang labels utt2lang")
train_list=(one two)
check_needed_files "${needed_file_list[@]}"
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two sets, the first with a text and the second with labels."""
    for name in ("one/text", "one/utt2sent", "two/utt2lang", "three/text"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text("u x\n")
    return tmp_path / "data"


def check(data: Path) -> tuple[int, str]:
    done = subprocess.run(["bash", "-c", SCRIPT, "-", TEMPLATE], cwd=data.parent, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_a_file_in_one_of_the_sets_is_enough(data: Path) -> None:
    assert check(data) == (0, "")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("one/text", "sem is trained on text, but no training set (one two) has the file text"),
        ("one/utt2sent", "sem is trained on text, but no training set (one two) has the file utt2sent"),
        ("two/utt2lang", "lang is trained on labels, but no training set (one two) has the file utt2lang"),
    ],
)
def test_the_error_names_a_file_missing_in_all_sets(data: Path, name: str, message: str) -> None:
    for damage in (lambda path: path.write_text(""), lambda path: path.unlink()):
        damage(data / name)
        status, output = check(data)
        assert (status, output.count("\n")) == (1, 1)
        assert output.startswith(f"error: conf/a.yaml: {message}: add data/one/{name.partition('/')[2]}, choose")
