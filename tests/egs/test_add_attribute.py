"""The guide "Add an attribute" (docs/guides/attribute.md), with its commands executed as printed."""

import shutil
import subprocess

import pytest

from espnet_ext.kaldi.scp import read_scp
from helpers.guide import read_blocks
from helpers.tiny_recipe import ROOT, TinyRecipe


@pytest.fixture(scope="module")
def followed(finished: TinyRecipe, tmp_path_factory: pytest.TempPathFactory) -> TinyRecipe:
    """A copy of the tiny recipe after every command of the guide."""
    recipe = TinyRecipe(tmp_path_factory.mktemp("it's more") / "my recipe")
    shutil.copytree(finished.path, recipe.path, symlinks=True)
    blocks = [block.code for block in read_blocks(ROOT / "docs/guides/attribute.md") if block.language == "bash"]
    assert len(blocks) == 4
    for block in blocks:
        command = ["bash", "-euo", "pipefail", "-c", block]
        done = subprocess.run(command, cwd=recipe.path, text=True, capture_output=True, check=False)
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        recipe.output += done.stdout
    return recipe


def test_the_labels_are_word_counts(followed: TinyRecipe) -> None:
    texts, words = (read_scp(followed.path / "data/dev" / name) for name in ("text", "utt2words"))
    assert words == {utterance: str(len(text.split())) for utterance, text in texts.items()}


def test_existing_layers_are_reused(followed: TinyRecipe) -> None:
    # By the first command; the second command trains on layers of another model.
    assert {"dump/train: layers", "dump/dev: layers"} <= followed.steps("up to date")


def test_the_attribute_is_trained_and_scored_both_ways(followed: TinyRecipe) -> None:
    results = sorted(followed.path.glob("exp/*words*/results/results.tsv"))
    assert len(results) == 2
    for path in results:
        rows = [line.split("\t") for line in path.read_text().splitlines()]
        assert any("words" in row and "regression" in row for row in rows)
