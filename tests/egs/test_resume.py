"""Kill -9 in any stage, run again: the bytes of an uninterrupted run."""

from pathlib import Path
from typing import Any

from tiny_recipe import TinyRecipe


def test_a_run_killed_in_every_stage_ends_with_the_same_bytes(killed: TinyRecipe, finished_run: dict[str, Any]) -> None:
    found, expected = killed.digests(), finished_run["digests"]
    assert sorted(found) == sorted(expected)
    assert [name for name in found if found[name] != expected[name]] == []
    kinds = {Path(name).name for name in found} | {Path(name).suffix for name in found}
    assert {"model.safetensors", "results.tsv", "RESULTS.md", "packed.zip", ".ark"} <= kinds


def test_nothing_half_written_is_left(killed: TinyRecipe) -> None:
    assert list(killed.path.rglob(".tmp-*")) == []
