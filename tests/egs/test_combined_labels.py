"""Stage 2 with several training sets: one dump directory, whose label targets have the classes of all sets."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from espnet_ext.kaldi.utterances import Utterance, write_utterances

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
set -euo pipefail
fail() { echo "error: $*" >&2; exit 1; }
. "$1/steps.sh"
. "$1/stages/2_dump.sh"
attributes=attributes.yaml dumpdir=dump nj=2 executor=local
min_duration_s=0 max_duration_s=10 audio_format=wav fraction=1
teacher_dir= target_device=(--device cpu) needed_file_list=("lang labels utt2lang") attribute_list=(lang)
label_attribute_list=(lang) text_attribute_list=() speech_attribute_list=() speed_list=()
train_list=(one two) valid_list=(three four) all_list=(one two three four)
train_dump=dump/one+two valid_dump=dump/three+four
dump_sets
"""
LANGUAGES = {"one": ["eng", "fra"], "two": ["deu", "fra"], "three": ["fra"], "four": ["deu"]}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe's folder with two training and two validation sets."""
    for name, languages in LANGUAGES.items():
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        soundfile.write(folder / "a.wav", np.full(8000, 0.1), 16000)
        utterances = [Utterance(f"{name}-{code}", f"{name}-{code}", folder / "a.wav", 8000, code) for code in languages]
        write_utterances(folder, utterances)
    lang = {"target": {"labels": "utt2lang"}, "head": {"hidden_dim": 8, "dim": 4}, "objective": {"name": "softmax"}}
    (tmp_path / "attributes.yaml").write_text(yaml.safe_dump({"attributes": {"lang": lang}}))
    return tmp_path


def dump_sets(folder: Path) -> str:
    """Run stage 2, and return its output."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    command = ["bash", "-c", SCRIPT, "-", ROOT / "egs/TEMPLATE"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_targets_of_combined_sets_are_made_once(recipe: Path) -> None:
    dump_sets(recipe)
    for name in ("one+two/classes_lang.json", "one+two/target_lang.json", "three+four/target_lang.json"):
        assert json.loads((recipe / "dump" / name).read_text())["classes"] == {"deu": 1, "eng": 1, "fra": 2}
    again = dump_sets(recipe).splitlines()
    assert len(again) == 10
    assert all(line.endswith(": up to date") for line in again)


def test_a_changed_set_changes_the_classes_of_all(recipe: Path) -> None:
    dump_sets(recipe)
    (recipe / "data/two/utt2lang").write_text("two-deu ita\ntwo-fra fra\n")
    (recipe / "data/four/utt2lang").write_text("four-deu ita\n")
    dump_sets(recipe)
    assert json.loads((recipe / "dump/three+four/target_lang.json").read_text())["classes"] == {
        "eng": 1,
        "fra": 2,
        "ita": 1,
    }
    assert all(line.endswith(": up to date") for line in dump_sets(recipe).splitlines())
