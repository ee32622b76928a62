"""A recipe from corpora to tables, in a folder whose name has spaces and a quote."""

import subprocess
import sys
from pathlib import Path

import kaldiio
import numpy as np
import pandas as pd
import pytest
import soundfile

from espnet_ext.kaldi.archives import read_dumped
from espnet_ext.kaldi.scp import read_scp
from helpers.tiny_recipe import TinyRecipe

SYSTEMS = ["teacher", "untrained", "sem+spk/heads", "sem+spk"]
RETRIEVAL = {"R@1", "R@5", "MRR", "xSIM", "xSIM-margin"}
VERIFICATION = {"EER", "minDCF(0.01)", "minDCF(0.05)"}
KEPT = {".ark", ".safetensors", ".pth", ".tsv", ".json", ".zip", ".log"}  # tables and plots are drawn again


@pytest.fixture(scope="module")
def results(finished: TinyRecipe) -> pd.DataFrame:
    return pd.read_csv(finished.path / "exp/utt_sem+spk/results/results.tsv", sep="\t")


def figures(results: pd.DataFrame, **wanted: str) -> dict[str, pd.Series]:
    """Metric -> row, among the rows with the given values."""
    rows = results
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    assert rows.metric.is_unique
    return {row.metric: row for _, row in rows.iterrows()}


def test_every_score_has_a_row(results: pd.DataFrame) -> None:
    assert " ".join(results.columns) == "system attribute task protocol set metric value low high n chance"
    assert list(results.system.unique()) == SYSTEMS
    assert not results.duplicated(["system", "attribute", "task", "protocol", "set", "metric"]).any()


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_is_scored_under_every_protocol(results: pd.DataFrame, system: str) -> None:
    for protocol, metrics in (("all:eng-fra", RETRIEVAL - {"xSIM", "xSIM-margin"}), ("one:fra-eng", RETRIEVAL)):
        scored = figures(results, system=system, attribute="sem", task="retrieval", protocol=protocol, set="test_sent")
        assert metrics.issubset(scored)
        assert scored["R@1"].chance == pytest.approx(100 / 8)  # one correct candidate among 8 sentences
        assert 0 <= scored["R@1"].low <= scored["R@1"].value <= scored["R@1"].high <= 100
    assert "R@1" in figures(results, system=system, task="retrieval", protocol="text:fra", set="test_sent")
    scored = figures(results, system=system, attribute="spk", task="verification", set="test_spk")
    assert VERIFICATION.issubset(scored)
    assert scored["speakers"].value == 4
    assert 0 <= scored["EER"].value <= 100


def test_each_head_is_scored_by_the_rule_of_the_other_head(results: pd.DataFrame) -> None:
    for system in ("sem+spk/heads", "sem+spk", "untrained"):
        leaks = results[(results.system == system) & (results.task == "leakage")]
        assert "EER" in set(leaks[leaks.attribute == "sem"].metric)
        assert "R@1" in set(leaks[leaks.attribute == "spk"].metric)


def test_teachers_score_higher_than_an_untrained_encoder(results: pd.DataFrame) -> None:
    """The targets belong to the right utterances and are scored as theirs."""
    of = {
        system: figures(results, system=system, attribute="sem", task="retrieval", protocol="one:mean")["R@1"].value
        for system in ("teacher", "untrained")
    }
    assert of["teacher"] >= 75 > of["untrained"]
    eer = figures(results, system="teacher", attribute="spk", task="verification", protocol="verification")["EER"]
    assert eer.value < 20


def test_the_report_has_every_system_and_the_plots(finished: TinyRecipe) -> None:
    folder = finished.path / "exp/utt_sem+spk/results"
    table = (folder / "RESULTS.md").read_text().split("\n## ")[1]
    first_column = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
    assert first_column[: len(SYSTEMS) + 2] == ["system", *SYSTEMS, "chance"]
    for plot in ("det_spk_test_spk_verification", "pairs_sem_test_sent", "layer_weights", "training_curves"):
        assert (folder / f"{plot}.png").read_bytes().startswith(b"\x89PNG")
        assert f"{plot}.png" in finished.output
    for system in SYSTEMS:
        assert f"| {system} " in finished.output


def test_the_packed_model_computes_the_embeddings_of_stage_4(
    finished: TinyRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished.path)  # as in Kaldi, an scp file may name archives relative to this folder
    dumped = read_scp(finished.path / "dump/test_spk/wav.scp")
    utterance = next(iter(dumped))
    soundfile.write(tmp_path / "a file.wav", read_dumped(dumped[utterance]), 16000, subtype="PCM_16")
    embed = [sys.executable, "-m", "espnet_ext.bin.embed", "--model", finished.path / "exp/utt_sem+spk/packed.zip"]
    subprocess.run(
        [*embed, "--out", tmp_path / "out.npz", finished.path / "dump/test_spk", tmp_path / "a file.wav"], check=True
    )
    embedded = np.load(tmp_path / "out.npz")
    for attribute in ("sem", "spk"):
        folder = finished.path / "exp/utt_sem+spk/finetune/embeddings/test_spk"
        stage4 = kaldiio.load_scp(str(folder / f"{attribute}.scp"))
        expected = [*(stage4[name] for name in dumped), stage4[utterance]]
        assert [str(name).rpartition("/")[2] for name in embedded["ids"]] == [*dumped, "a file.wav"]
        np.testing.assert_allclose(embedded[attribute], expected, atol=1e-5, rtol=0)


def test_a_second_run_skips_all_stages(finished: TinyRecipe) -> None:
    before = {path: path.stat().st_mtime_ns for path in (finished.path / "exp").rglob("*.*") if path.suffix in KEPT}
    first = TinyRecipe(finished.path)
    first.output = finished.output
    again = TinyRecipe(finished.path)
    again.run()
    assert again.steps("done") == set()
    assert again.steps("up to date") == first.steps("done")
    assert [path for path, time in before.items() if path.stat().st_mtime_ns != time] == []


@pytest.mark.parametrize(
    ("stage", "options", "missing", "first"),
    [
        ("2", [], "data/train/wav.scp", 1),
        ("3", ["--dumpdir", "no dump"], "no dump/train/wav.scp", 2),
        ("4", ["--expdir", "no exp"], "no exp/utt_sem+spk/heads/model.safetensors", 3),
        ("5", ["--expdir", "no exp"], "no exp/utt_sem+spk/heads/embeddings/test_sent/sem.scp", 4),
        ("6", ["--expdir", "no exp"], "no exp/utt_sem+spk/finetune/model.safetensors", 3),
    ],
)
def test_the_error_of_a_stage_names_the_missing_earlier_stage(
    finished: TinyRecipe, tmp_path: Path, stage: str, options: list[str], missing: str, first: int
) -> None:
    recipe = TinyRecipe(finished.path) if options else TinyRecipe.make(tmp_path / "empty")
    output = recipe.run("--stage", stage, "--stop-stage", stage, *options, status=1)
    line = f"error: {missing} is missing: run stage {first} first (./run.sh --stage {first} --stop-stage {first})"
    assert [word for word in output.splitlines() if word.startswith("error: ")] == [line]
    assert output.endswith(f"{line}\n")
