"""Examples of README.md and of the pages on inference and search, executed on a small model and its audio."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from helpers.guide import ROOT, read_blocks


@pytest.fixture
def place(tmp_path: Path, model_folder: Path) -> Path:
    """Folder with the model, recordings and environment that the pages use."""
    for recipe in (tmp_path, tmp_path / "egs/mini_prompts"):
        (recipe / "exp/utt_sem+spk").mkdir(parents=True)
        (recipe / "exp/utt_sem+spk/packed").symlink_to(model_folder)
    (tmp_path / "tools").symlink_to(ROOT / "tools")
    (tmp_path / "recordings").mkdir()
    generator = np.random.default_rng(0)
    for name in ("a.wav", "b.mp3", "recordings/c.flac", "recordings/d.wav"):
        soundfile.write(tmp_path / name, generator.normal(0, 0.1, 16000), 16000)
    return tmp_path


def run(place: Path, *command: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=place, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("page", ["docs/inference.md", "docs/search.md"])
def test_the_examples_of_a_page_run_without_errors(page: str, place: Path) -> None:
    blocks = read_blocks(ROOT / page)
    assert blocks
    # The Python examples of a page are parts of one program.
    python = "\n".join(block.code for block in blocks if block.language == "python")
    output = run(place, sys.executable, "-c", python) if python else ""
    output += "".join(run(place, "bash", "-euo", "pipefail", "-c", b.code) for b in blocks if b.language == "bash")
    assert re.search("sem|recording", output)


def test_the_example_of_the_readme_prints_two_shapes(place: Path) -> None:
    (example,) = [block.code for block in read_blocks(ROOT / "README.md") if block.language == "python"]
    assert len(example.splitlines()) <= 6
    assert run(place, sys.executable, "-c", example) == "(2, 8) (2, 6)\n"
