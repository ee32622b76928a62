"""A killed or damaged run ends with the same bytes as an uninterrupted one."""

from pathlib import Path
from typing import Any

import pytest

from helpers.tiny_recipe import TinyRecipe

MODEL = "exp/utt_sem+spk/finetune/model.safetensors"


def test_a_run_killed_in_every_stage_ends_with_the_same_bytes(killed: TinyRecipe, finished_run: dict[str, Any]) -> None:
    found, expected = killed.digests(), finished_run["digests"]
    assert sorted(found) == sorted(expected)
    assert [name for name in found if found[name] != expected[name]] == []
    kinds = {Path(name).name for name in found} | {Path(name).suffix for name in found}
    assert {"model.safetensors", "results.tsv", "RESULTS.md", "packed.zip", ".ark"} <= kinds


def test_no_partial_output_remains(killed: TinyRecipe) -> None:
    assert list(killed.path.rglob(".tmp-*")) == []


def first(recipe: TinyRecipe, pattern: str) -> Path:
    return sorted(recipe.path.glob(pattern))[0]


def test_only_damaged_files_are_written_again(killed: TinyRecipe) -> None:
    before = killed.digests()
    cut = [
        first(killed, "dump/dev/audio/*.ark"),
        first(killed, "dump/train/layers/*.ark"),
        first(killed, "dump/test_spk/target_spk.*.ark"),
        first(killed, "exp/utt_sem+spk/heads/embeddings/test_spk/*.ark"),
        killed.path / MODEL,
        killed.path / "exp/utt_sem+spk/packed.zip",
    ]
    lost = [
        killed.path / "data/dev/utt2spk",
        first(killed, "exp/untrained/embeddings/test_sent/*.scp"),
        first(killed, "exp/utt_sem+spk/results/scores/**/*.tsv"),
        first(killed, "exp/utt_sem+spk/results/*.png"),
    ]
    for path in cut:
        path.write_bytes(path.read_bytes()[:-10])
    for path in lost:
        path.unlink()
    output = killed.run()
    assert killed.digests() == before
    for path in (*cut, *lost):
        name = path.relative_to(killed.path)
        assert f"because {name}" in output or f"; {name}" in output, name
    log = (killed.path / MODEL).with_name("train.log").read_text()
    assert "2epoch started" not in log.rpartition("resumed")[2]
    assert len(killed.steps("done")) < len(killed.steps("up to date"))


@pytest.mark.parametrize("options", [("--max_epoch", "1"), ("--max_epoch", "3")])
def test_a_training_of_another_length_stops_and_loses_nothing(killed: TinyRecipe, options: tuple[str, ...]) -> None:
    before = (killed.path / MODEL).read_bytes()
    output = killed.run("--stage", "3", "--train_args", " ".join(options), status=1)
    line = next(line for line in output.splitlines() if line.startswith("error: "))
    assert "--overwrite" in line and "--tag" in line
    assert ("max_epoch is 1, was 2" if "1" in options else "schedule of 6 steps cannot continue to 9") in line
    assert (killed.path / MODEL).read_bytes() == before
    killed.run("--stage", "3", "--stop-stage", "3")
    assert killed.steps("done") == set()


def test_the_error_names_a_set_that_stage_1_does_not_make(killed: TinyRecipe) -> None:
    output = killed.run("--stop-stage", "1", "--retrieval_sets", "nosuch", status=1)
    assert "error: stage 1 makes no set 'nosuch'; correct the option that names it (data/ contains dev/ " in output
