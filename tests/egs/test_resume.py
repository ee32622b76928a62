"""Kill -9 at any point, run again: the bytes of an uninterrupted run."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_recipe import TinyRecipe

# (pattern whose first file says when to kill, pattern that must not be there yet)
KILL_POINTS = (
    ("data/.steps/prepare.json", "data/test_spk/wav.scp"),
    ("dump/train/audio/*", "dump/train/wav.scp"),
    ("dump/train/.tmp-*target_spk*", "dump/train/target_spk.scp"),
    ("dump/train/layers/.tmp-*", "dump/train/layers/layers.scp"),
    ("exp/utt_sem+spk/heads/checkpoint.pth", "exp/utt_sem+spk/heads/model.safetensors"),
    ("exp/utt_sem+spk/finetune/checkpoint.pth", "exp/utt_sem+spk/finetune/model.safetensors"),
    ("exp/utt_sem+spk/finetune/embeddings/test_sent/*", "exp/utt_sem+spk/finetune/embeddings/test_spk/spk.scp"),
    ("exp/utt_sem+spk/.steps/results.json", "exp/utt_sem+spk/results/results.tsv"),
)


@pytest.fixture
def fresh(finished: TinyRecipe) -> Iterator[TinyRecipe]:
    """A recipe that never ran, at the very place of the finished one: archives are listed by absolute path."""
    aside = finished.path.with_name("aside")
    finished.path.rename(aside)
    try:
        yield TinyRecipe.make(finished.path)
    finally:
        shutil.rmtree(finished.path)
        aside.rename(finished.path)


def test_a_run_killed_in_every_stage_ends_with_the_same_bytes(fresh: TinyRecipe) -> None:
    for trigger, unfinished in KILL_POINTS:
        fresh.run_until(lambda pattern=trigger: any(fresh.path.glob(pattern)))
        assert not (fresh.path / unfinished).exists(), f"killed too late for {trigger}"
    fresh.run()
    whole = TinyRecipe(fresh.path.with_name("aside"))
    assert_same(fresh.digests(), whole.digests())
    assert list(fresh.path.rglob(".tmp-*")) == []


def assert_same(found: dict[str, str], expected: dict[str, str]) -> None:
    """Name the first file that differs; a diff of hashes says nothing."""
    assert sorted(found) == sorted(expected)
    assert [name for name in found if found[name] != expected[name]] == []
    kinds = {Path(name).name for name in found} | {Path(name).suffix for name in found}
    assert {"model.safetensors", "results.tsv", "RESULTS.md", ".ark"} <= kinds
