"""The recipe of the paper, from corpora with their real folder structure to tables with the published figures."""

import os
import re
import shutil

import pandas as pd
import pytest

from espnet_ext.kaldi.scp import read_scp
from helpers.paper_recipe import PaperRecipe

RESULTS = "exp/utt_sem+spk/results"
SYSTEMS = ["teacher", "untrained", "sem", "spk", "sem+spk"]


@pytest.fixture(scope="module")
def results(paper: PaperRecipe) -> pd.DataFrame:
    return pd.read_csv(paper.path / RESULTS / "results.tsv", sep="\t")


def rows(results: pd.DataFrame, **wanted: str) -> pd.DataFrame:
    for column, value in wanted.items():
        results = results[results[column] == value]
    return results


def test_every_system_is_scored_on_every_set(results: pd.DataFrame) -> None:
    assert list(results.system.unique()) == SYSTEMS
    for system in ("sem", "sem+spk"):
        semantic = rows(results, system=system, attribute="sem", task="retrieval", metric="R@1")
        assert set(semantic.set) == {"fleurs_test", "voxpopuli_s2s", "mtedx_test"}
        protocols = set(rows(semantic, set="fleurs_test").protocol)
        assert {"one:fra-eng", "all:fra-eng", "text:fra-eng"} <= protocols
        # Only X to English, as run.sh sets it.
        assert "one:eng-fra" not in protocols
        assert "one:fra-eng" in set(rows(semantic, set="voxpopuli_s2s").protocol)
        assert "text:ita-eng" in set(rows(semantic, set="mtedx_test").protocol)
    for system in ("teacher", "spk", "sem+spk"):
        verified = rows(results, system=system, attribute="spk", task="verification", set="voxceleb1_o")
        assert {"EER", "minDCF(0.01)", "minDCF(0.05)"} <= set(verified.metric)
        assert {"O", "O-original", "O-asnorm"} <= set(verified.protocol)
        assert {"Cllr", "actDCF(0.01)"} <= set(verified.metric)


def test_published_figures_are_next_to_ours(paper: PaperRecipe, results: pd.DataFrame) -> None:
    report = (paper.path / RESULTS / "RESULTS.md").read_text()
    lines = [line for line in report.splitlines() if line.startswith("|")]
    for published in ("95.94", "90.10", "0.91", "0.1253"):
        assert any(published in line for line in lines), published
    # This run has no Burmese, and SONAR is not one of our systems.
    assert any("16.38" in line and "not run" in line for line in lines)
    assert any("91.91" in line and "not run" in line for line in lines)
    ours = rows(
        results, system="sem+spk", attribute="spk", task="verification", set="voxceleb1_o", protocol="O", metric="EER"
    ).value.item()
    assert any("0.91" in line and f"{ours:.2f}" in line for line in lines)


def test_each_corpus_trains_the_attributes_with_targets(paper: PaperRecipe) -> None:
    train = paper.path / "dump/fleurs_train+voxceleb2_train+commonvoice_train"
    corpora, semantic = read_scp(train / "utt2corpus"), read_scp(train / "target_sem.scp")
    assert set(corpora.values()) == {"fleurs_train", "voxceleb2_train", "commonvoice_train"}
    missing = {corpora[utterance] for utterance, spec in semantic.items() if spec == "None"}
    assert missing == {"voxceleb2_train"}
    assert "None" not in read_scp(train / "target_spk.scp").values()


COPIED = ("--systems", "sem+spk", "--expdir", "exp again", "--phases", "joint=conf/copied_train.yaml")


@pytest.fixture(scope="module")
def again(paper: PaperRecipe) -> PaperRecipe:
    """Run only stages 3 to 5, for one system, from a clean shell."""
    recipe = PaperRecipe(paper.path)
    shutil.copy(paper.path / "conf/tiny_train.yaml", paper.path / "conf/copied_train.yaml")
    known = {name: os.environ[name] for name in ("HOME", "XDG_CACHE_HOME", "OMP_NUM_THREADS") if name in os.environ}
    recipe.run_on_corpora("--stage", "3", "--stop-stage", "5", *COPIED, env={"PATH": "/usr/bin:/bin"} | known)
    return recipe


def test_only_the_selected_stages_run(again: PaperRecipe) -> None:
    stages = re.findall(r"^\S+ \(utt\.sh:\d+\) Stage (\d): ", again.output, re.MULTILINE)
    assert stages == ["3", "4", "5"]
    assert not list((again.path / "exp again").glob("*/packed*"))


def test_rerunning_training_to_tables_gives_the_same_scores(again: PaperRecipe, results: pd.DataFrame) -> None:
    found = pd.read_csv(again.path / RESULTS.replace("exp/", "exp again/") / "results.tsv", sep="\t")
    assert list(found.system.unique()) == ["teacher", "untrained", "sem+spk"]
    expected = results[results.system.isin(found.system)].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_systems_are_scored_on_their_own_attributes(results: pd.DataFrame) -> None:
    own = results[results.task != "leakage"].groupby("system").attribute.unique().map(set).to_dict()
    assert [own[system] for system in ("sem", "spk", "sem+spk")] == [{"sem"}, {"spk"}, {"sem", "spk"}]


def test_with_overwrite_another_training_config_trains_again_and_dumps_nothing(again: PaperRecipe) -> None:
    config = again.path / "conf/copied_train.yaml"
    config.write_text(config.read_text().replace("lr: 1.5", "lr: 1.0"))
    recipe = PaperRecipe(again.path)
    output = recipe.run_on_corpora("--stop-stage", "5", *COPIED, status=1)
    assert "error: exp again/utt_sem+spk/joint: training: optim_conf is {'eps': 1e-08, 'lr': 1.0, " in output
    recipe.run_on_corpora("--stop-stage", "5", "--overwrite", *COPIED)
    out = "exp again/utt_sem+spk"
    made = {f"{out}/joint: training", f"{out}/joint/embeddings"}
    assert recipe.steps("done") == made | {f"{out}/results: scores", f"{out}/results: tables and plots"}
    kept = {"data/", "dump/fleurs_train: audio", "dump/fleurs_dev: targets of spk", "exp again/untrained/embeddings"}
    assert kept <= recipe.steps("up to date")


def test_a_finished_run_is_skipped(paper: PaperRecipe) -> None:
    recipe = PaperRecipe(paper.path)
    recipe.run_on_corpora()
    assert recipe.steps("done") == set()
    assert recipe.steps("up to date") == paper.steps("done")


@pytest.fixture(scope="module")
def unfinished(paper: PaperRecipe, tmp_path_factory: pytest.TempPathFactory) -> PaperRecipe:
    """The recipe before its first run."""
    return PaperRecipe.lay_out(tmp_path_factory.mktemp("it's small"), paper.corpora)


def test_an_incomplete_corpus_stops_stage_1(unfinished: PaperRecipe) -> None:
    output = unfinished.run_on_corpora("--allow_incomplete", "false", "--stop-stage", "1", status=1)
    lines = [line for line in output.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert "--allow_incomplete true" in lines[0]


def test_a_corpus_without_a_path_is_skipped(unfinished: PaperRecipe) -> None:
    rest = ("voxceleb1", "voxceleb2", "commonvoice", "voxpopuli")
    output = unfinished.run_on_corpora("--stop-stage", "2", "--systems", "sem", without=rest)
    assert "voxceleb1_o" in (unfinished.path / "data/not_prepared.tsv").read_text()
    assert "--voxceleb1" in output
    dumped = {path.name for path in (unfinished.path / "dump").iterdir()}
    assert dumped == {"fleurs_train", "fleurs_dev", "fleurs_test", "mtedx_test"}
