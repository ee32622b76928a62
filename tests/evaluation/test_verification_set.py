"""Verification of a set end to end: AS-norm, calibration, contaminated lists, several lists, and refusals."""

from pathlib import Path
from typing import Any

import kaldiio
import numpy as np
import pandas as pd
import pytest

from espnet_ext.evaluation.results import read_results
from espnet_ext.kaldi.scp import write_scp
from espnet_ext.report.tables import main_table, write_markdown
from espnet_ext.scoring.calibration import fit_calibration
from espnet_ext.scoring.roc import sort_trials
from espnet_ext.scoring.verification import CALIBRATED_METRICS
from espnet_ext.utils.errors import UserError

World = Any  # of conftest.py
COHORT, CALIBRATION = ("--cohort_set", "cohort"), ("--calibration_set", "valid")


def add_voices(world: World, part: str, prefix: str, speakers: int = 12, per_speaker: int = 4) -> list[str]:
    """Add another set of speakers: utt2spk, targets, and embeddings of the joint system."""
    rng = np.random.default_rng(len(part))
    voices = rng.standard_normal((speakers, world.dim))
    names = [f"{prefix}{i:02d}-u{k}" for i in range(speakers) for k in range(per_speaker)]
    write_scp(world.root / "dump" / part / "utt2spk", {name: name[:3] for name in names})
    for folder, name in ((world.root / "dump" / part, "target_spk"), (world.root / "embeddings/joint" / part, "spk")):
        folder.mkdir(parents=True, exist_ok=True)
        rows = {n: voices[int(n[1:3])] + 0.8 * rng.standard_normal(world.dim) for n in names}
        rows = {n: row.astype(np.float32) for n, row in rows.items()}
        kaldiio.save_ark(str(folder / f"{name}.ark"), rows, scp=str(folder / f"{name}.scp"))
    return names


@pytest.fixture
def backed(world: World) -> World:
    """A world with a cohort and a development set with trials of all pairs."""
    add_voices(world, "cohort", "c")
    names = add_voices(world, "valid", "d")
    (world.root / "dump/valid/trials").mkdir()
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    (world.root / "dump/valid/trials/dev").write_text("".join(f"{int(a[:3] == b[:3])} {a} {b}\n" for a, b in pairs))
    return world


def value(results: pd.DataFrame, **wanted: str) -> float:
    rows = results[(results[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    assert len(rows) == 1, wanted
    return float(rows["value"].iloc[0])


def unit_vectors(world: World, part: str) -> dict[str, np.ndarray]:
    vectors = kaldiio.load_scp(str(world.root / "embeddings/joint" / part / "spk.scp"))
    return {name: v.astype(float) / np.linalg.norm(v.astype(float)) for name, v in vectors.items()}


def trials_of(world: World, part: str, name: str) -> list[tuple[bool, str, str]]:
    lines = (world.root / "dump" / part / "trials" / name).read_text().splitlines()
    return [(label == "1", enrol, test) for label, enrol, test in map(str.split, lines)]


def cosines_of(world: World, part: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    vectors, trials = unit_vectors(world, part), trials_of(world, part, name)
    return np.array([vectors[e] @ vectors[t] for _, e, t in trials]), np.array([label for label, _, _ in trials])


def test_as_norm_equals_that_of_the_vectors_on_disk(backed: World) -> None:
    results = read_results(backed.score(*COHORT))
    cohort = unit_vectors(backed, "cohort")
    means = [np.mean([v for n, v in cohort.items() if n[:3] == speaker], axis=0) for speaker in {n[:3] for n in cohort}]
    means = np.array([mean / np.linalg.norm(mean) for mean in means])
    vectors, scores, labels = unit_vectors(backed, "test_spk"), [], []
    for label, enrol, test in trials_of(backed, "test_spk", "unseen"):
        cosine = vectors[enrol] @ vectors[test]
        sides = [(cosine - (means @ vectors[u]).mean()) / (means @ vectors[u]).std() for u in (enrol, test)]
        scores.append(sum(sides) / 2)
        labels.append(label)
    wanted = {"system": "joint", "attribute": "spk", "protocol": "unseen-asnorm", "metric": "EER"}
    assert value(results, **wanted) == pytest.approx(
        sort_trials(np.array(scores), np.array(labels)).plain_roc().eer(), abs=1e-3
    )


def test_leakage_uses_no_score_normalization_or_calibration(backed: World) -> None:
    results = read_results(backed.score(*COHORT, *CALIBRATION))
    rows = results[(results["task"] == "leakage") & (results["set"] == "test_spk")]
    assert set(rows["protocol"]) == {"unseen"} and not set(rows["metric"]) & set(CALIBRATED_METRICS)


def test_calibration_is_learned_on_the_other_set(backed: World) -> None:
    results = read_results(backed.score(*CALIBRATION))
    line = fit_calibration(*cosines_of(backed, "valid", "dev"))
    cosines, labels = cosines_of(backed, "test_spk", "unseen")
    llrs = line.llrs(cosines)
    cllr = np.log2(1 + np.exp(-llrs[labels])).mean() + np.log2(1 + np.exp(llrs[~labels])).mean()
    wanted = {"system": "joint", "attribute": "spk", "protocol": "unseen"}
    assert value(results, **wanted, metric="Cllr") == pytest.approx(cllr / 2, abs=1e-3)
    accepted = llrs >= np.log(99)
    cost = (~accepted[labels]).mean() + 99 * accepted[~labels].mean()
    assert value(results, **wanted, metric="actDCF(0.01)") == pytest.approx(cost, abs=1e-3)
    for least, actual in (("minCllr", "Cllr"), ("minDCF(0.05)", "actDCF(0.05)")):
        assert value(results, **wanted, metric=least) <= value(results, **wanted, metric=actual)


def test_normalized_scores_have_their_own_calibration(backed: World) -> None:
    results = read_results(backed.score(*COHORT, *CALIBRATION))
    wanted = {"system": "joint", "protocol": "unseen-asnorm"}
    assert value(results, **wanted, metric="Cllr") < 1.0
    assert value(results, **wanted, metric="minCllr") <= value(results, **wanted, metric="Cllr")


def test_without_a_calibration_set_one_line_names_the_missing_scores(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    results = read_results(world.score())
    assert not set(results["metric"]) & set(CALIBRATED_METRICS)
    assert capsys.readouterr().out.count("no --calibration_set: actDCF and Cllr are not scored") == 1


@pytest.mark.parametrize(("option", "part"), [("--cohort_set", "cohort"), ("--calibration_set", "valid")])
def test_speakers_of_the_evaluation_are_refused_elsewhere(backed: World, option: str, part: str) -> None:
    scp = backed.root / "dump" / part / "utt2spk"
    scp.write_text(scp.read_text().replace(" c02", " p02").replace(" d02", " p02"))
    with pytest.raises(UserError, match=f"1 speakers of test_spk are also in the .* set {part}, the first p02"):
        backed.score(option, part)


def test_a_teacher_without_targets_of_the_cohort_has_no_as_norm(
    backed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    (backed.root / "dump/cohort/target_spk.scp").unlink()
    results = read_results(backed.score(*COHORT))
    systems = set(results["system"][results["protocol"] == "unseen-asnorm"])
    assert systems == {"joint"}
    assert "teacher: 48 of 48 utterances of the cohort cohort have no spk vector; AS-norm is not scored" in (
        capsys.readouterr().out
    )


def test_a_system_without_embeddings_of_the_cohort_is_an_error(backed: World) -> None:
    (backed.root / "embeddings/joint/cohort/spk.scp").unlink()
    with pytest.raises(UserError, match=r"joint/cohort/spk.scp: no such embeddings"):
        backed.score(*COHORT)


def test_original_and_cleaned_lists_are_scored_under_their_own_names(world: World) -> None:
    folder = world.root / "dump/test_spk/trials"
    lines = (folder / "unseen").read_text().splitlines(keepends=True)
    (folder / "unseen-original").write_text("".join(lines + lines[:1] * 3))
    results = read_results(world.score())
    counts = results[(results["system"] == "joint") & (results["metric"] == "EER")].groupby("protocol")["n"].first()
    assert counts.to_dict() == {"unseen": len(lines), "unseen-original": len(lines) + 3}
    assert "EER (spk, test_spk, unseen-original)" in main_table(results).header


@pytest.mark.parametrize("name", ["test_spk", "test_spk/unseen"])
def test_a_contaminated_list_is_marked_and_removed_from_the_main_table(backed: World, name: str) -> None:
    out = backed.score(*COHORT, "--contaminated", name)
    results = read_results(out)
    assert set(results["protocol"][results["set"] == "test_spk"]) == {
        "unseen-contaminated",
        "unseen-asnorm-contaminated",
    }
    markdown = write_markdown(results, "T")
    assert "| unseen †" in markdown and "| unseen, AS-norm †" in markdown and "†: contaminated" in markdown
    assert not any(column.startswith("EER") for column in main_table(results).header)
    assert (Path(out).parent / "scores/joint/spk/test_spk/unseen-contaminated.tsv").is_file()


def test_the_calibrated_table_has_actual_costs_next_to_minimum_costs(backed: World) -> None:
    markdown = write_markdown(read_results(backed.score(*CALIBRATION)), "T")
    section = markdown.split("## Calibrated speaker verification")[1].split("\n## ")[0]
    header = next(line for line in section.splitlines() if line.startswith("| system"))
    names = [cell.strip() for cell in header.split("|")]
    assert names[5:11] == ["actDCF(0.01)", "minDCF(0.01)", "actDCF(0.05)", "minDCF(0.05)", "Cllr", "minCllr"]
    assert "Calibrated" not in write_markdown(read_results(backed.score()), "T")


@pytest.mark.parametrize(
    ("name", "message"), [("nothing", "not one of the verification sets"), ("test_spk/no", "there is no .*trials/no")]
)
def test_unknown_contaminated_trials_are_an_error(world: World, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        world.score("--contaminated", name)
