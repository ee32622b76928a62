"""Files, diffs and commands of the guides in docs/, executed as printed."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from helpers.guide import ROOT, Block, Checkout, read_blocks

GUIDES = ROOT / "docs/guides"
SPEAKERS = {"train": ("s1", "s2"), "dev": ("s3",)}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "it's a clone")


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+\.?\d*", text)]


def expected_output(block: Block) -> str:
    """The comment after the last print of an example."""
    return block.code.rpartition("  # ")[2]


@pytest.mark.parametrize("guide", ["objective", "teacher", "metric", "encoder"])
def test_the_code_of_a_guide_runs_and_prints_the_documented_output(guide: str, checkout: Checkout) -> None:
    *changes, check = [block for block in read_blocks(GUIDES / f"{guide}.md") if block.language in ("python", "diff")]
    assert sum(block.language == "python" for block in changes) <= 1, "one new file"
    for block in changes:
        assert block.title
        checkout.follow(block)
    printed, claimed = numbers(checkout.follow(check)), numbers(expected_output(check))
    assert claimed
    np.testing.assert_allclose(printed, claimed, atol=1e-4)


def test_the_corpus_of_the_guide_is_prepared(checkout: Checkout) -> None:
    root = checkout.folder / "egs/fleurs_voxceleb/my_corpus"
    sentences = {"a": "Good morning", "b": "See you tomorrow", "c": "Good night"}
    root.mkdir()
    (root / "sentences.tsv").write_text("".join(f"{name}\t{text}\n" for name, text in sentences.items()))
    samples = np.random.default_rng(0).normal(0, 0.1, 16000)
    for split, speakers in SPEAKERS.items():
        for speaker in speakers:
            (root / split / speaker).mkdir(parents=True)
            for name in ("a", "b") if split == "train" else ("c",):
                soundfile.write(root / split / speaker / f"{name}.wav", samples, 16000)
    output = [checkout.follow(block) for block in read_blocks(GUIDES / "corpus.md")]
    lines = [f"my-{speaker}-{name} {sentences[name]}" for speaker in ("s1", "s2") for name in ("a", "b")]
    assert output[-1].splitlines()[-4:] == lines


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert set(re.findall(r": (\S+\.md)$", navigation, re.MULTILINE)) == pages
