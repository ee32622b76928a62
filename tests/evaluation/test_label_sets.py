"""Classifiers, regressions and probes from files to results.tsv; exclusions and errors."""

import json
import warnings
from pathlib import Path
from typing import Any

import kaldiio
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, mean_absolute_error

from espnet_ext.evaluation.results import read_results
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.utils.errors import UserError

World = Any  # of conftest.py
CLASSES = {"deu": 7, "eng": 40, "fra": 30, "spa": 30}
LABELLED = """
  lang:
    target: {labels: utt2lang}
    head: {dim: 16, hidden_dim: 16}
    objective: {name: softmax}
    scoring: [classification]
  age:
    target: {labels: utt2age, kind: number}
    head: {dim: 16, hidden_dim: 16}
    objective: {name: regression}
    scoring: [regression]
"""


def write_outputs(folder: Path, attribute: str, outputs: dict[str, np.ndarray], space: dict) -> None:
    kaldiio.save_ark(
        str(folder / f"{attribute}.logits.ark"),
        {name: row.astype(np.float32) for name, row in sorted(outputs.items())},
        scp=str(folder / f"{attribute}.logits.scp"),
    )
    (folder / f"{attribute}.classes.json").write_text(json.dumps(space))


@pytest.fixture
def labeled(world: World) -> World:
    """`joint` classifies languages (a fifth wrongly) and estimates ages on test_sent, with a head for each."""
    attributes = world.root / "attributes.yaml"
    attributes.write_text(attributes.read_text() + LABELLED)
    rng = np.random.default_rng(11)
    dump, folder = world.root / "dump/test_sent", world.root / "embeddings/joint/test_sent"
    ages = {name: int(age) for name, age in zip(world.spoken, rng.integers(20, 70, len(world.spoken)), strict=True)}
    write_scp(dump / "utt2age", ages)
    logits, years = {}, {}
    for name in world.spoken:
        logits[name] = 2.0 * (np.array(list(CLASSES)) == name[1:4]) + rng.standard_normal(4)
        years[name] = np.array([ages[name] + rng.normal(0, 5)])
    write_outputs(folder, "lang", logits, {"kind": "class", "classes": CLASSES})
    write_outputs(folder, "age", years, {"kind": "number", "mean": 44.0, "std": 10.0})
    for attribute in ("lang", "age"):
        for part in ("test_sent", "test_spk"):
            vectors = folder.parent / part
            (vectors / f"{attribute}.scp").write_bytes((vectors / "sem.scp").read_bytes())
    return world


def classify(world: World, *options: str) -> pd.DataFrame:
    """Score test_sent only by its labels."""
    return read_results(world.score("--retrieval_sets", "--verification_sets", "--classification_sets", *options))


def select_score(results: pd.DataFrame, **wanted: str) -> pd.Series:
    (row,) = [row for _, row in results.iterrows() if all(row[key] == value for key, value in wanted.items())]
    return row


def test_a_classifier_is_scored_as_scikit_learn_does(labeled: World) -> None:
    results = classify(labeled, "test_sent")
    logits = kaldiio.load_scp(str(labeled.root / "embeddings/joint/test_sent/lang.logits.scp"))
    truth = [name[1:4] for name in labeled.spoken]
    predicted = [list(CLASSES)[int(logits[name].argmax())] for name in labeled.spoken]
    wanted = {"system": "joint", "task": "classification", "protocol": "classifier", "set": "test_sent"}
    accuracy = select_score(results, metric="accuracy", **wanted)
    assert accuracy["value"] == pytest.approx(100 * np.mean(np.array(truth) == predicted), abs=1e-3)
    assert accuracy["n"] == 36 and accuracy["chance"] == pytest.approx(100 / 3, abs=1e-3)
    with warnings.catch_warnings():  # of predictions that are not the class of any utterance
        warnings.simplefilter("ignore")
        balanced = 100 * balanced_accuracy_score(truth, predicted)
    assert select_score(results, metric="balanced-accuracy", **wanted)["value"] == pytest.approx(balanced, abs=1e-3)
    f1 = 100 * f1_score(truth, predicted, average="macro", labels=sorted(set(truth)))
    assert select_score(results, metric="macro-F1", **wanted)["value"] == pytest.approx(f1, abs=1e-3)
    assert select_score(results, metric="units", **wanted)["value"] == 3  # speakers


def test_confusions_are_written_next_to_the_results(labeled: World) -> None:
    results = classify(labeled, "test_sent")
    frame = pd.read_csv(labeled.root / "results/scores/joint/lang/test_sent/confusion.tsv", sep="\t")
    assert frame["count"].sum() == 36 and frame.groupby("true")["count"].sum().tolist() == [12, 12, 12]
    right = frame["count"][frame["true"] == frame["predicted"]].sum()
    accuracy = select_score(results, system="joint", metric="accuracy", attribute="lang")["value"]
    assert accuracy == pytest.approx(100 * right / 36, abs=1e-3)


def test_a_regression_is_scored_against_the_training_mean(labeled: World) -> None:
    results = classify(labeled, "test_sent")
    years = kaldiio.load_scp(str(labeled.root / "embeddings/joint/test_sent/age.logits.scp"))
    ages = {name: float(age) for name, age in read_scp(labeled.root / "dump/test_sent/utt2age").items()}
    row = select_score(results, system="joint", attribute="age", task="regression", metric="MAE")
    expected = mean_absolute_error(list(ages.values()), [float(years[name][0]) for name in ages])
    assert row["value"] == pytest.approx(expected, abs=1e-3)
    assert row["chance"] == pytest.approx(np.mean([abs(age - 44.0) for age in ages.values()]), abs=1e-3)


def test_every_head_is_probed_and_only_its_own_label_is_not_leakage(labeled: World) -> None:
    results = classify(labeled, "test_sent")
    rows = results[results["metric"] == "probe-accuracy"]
    assert set(rows["protocol"]) == {"lang:by-sentence"}  # each language has one speaker
    tasks = set(rows[["system", "attribute", "task"]].itertuples(index=False, name=None))
    assert tasks == {
        ("teacher", "sem", "leakage"),
        ("teacher", "spk", "leakage"),
        ("joint", "sem", "leakage"),
        ("joint", "spk", "leakage"),
        ("joint", "lang", "classification"),
        ("joint", "age", "leakage"),
        ("single", "sem", "leakage"),
    }


def test_speakers_are_held_out_if_labels_have_several(world: World) -> None:
    folder = world.root / "dump/test_spk"
    write_scp(folder / "utt2gender", {name: "female" if int(name[1:3]) % 2 else "male" for name in world.voiced})
    results = classify(world, "test_spk", "--probe_labels", "utt2gender", "utt2spk")
    spk = {"system": "joint", "attribute": "spk", "metric": "probe-accuracy"}
    assert select_score(results, protocol="spk:by-utterance", **spk)["value"] > 90
    assert (
        select_score(results, protocol="gender:by-speaker", **spk)["value"] < 90
    )  # voices carry no information about it here
    assert select_score(results, system="joint", attribute="spk", metric="probe-units", protocol="gender:by-speaker")[
        "value"
    ] == len({name[:3] for name in world.voiced})


def test_other_scores_do_not_change(labeled: World) -> None:
    before = labeled.score().read_text().splitlines()
    after = labeled.score("--classification_sets", "test_sent").read_text().splitlines()
    label_rows = [line for line in after if "probe-" in line or "\tclassifier\t" in line]
    assert label_rows and [line for line in after if line not in label_rows] == before


def test_utterances_without_a_label_are_counted(labeled: World) -> None:
    path = labeled.root / "dump/test_sent/utt2lang"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0].split()[0] + " und", *lines[2:]]) + "\n")
    results = classify(labeled, "test_sent")
    wanted = {"system": "joint", "attribute": "lang", "protocol": "classifier"}
    assert select_score(results, metric="unlabelled", **wanted)["value"] == 2
    assert select_score(results, metric="accuracy", **wanted)["n"] == 34


def rename(world: World, old: str, new: str) -> None:
    path = world.root / "dump/test_sent/utt2lang"
    path.write_text(path.read_text().replace(old, new))


def test_a_class_only_in_the_evaluation_is_an_error(labeled: World) -> None:
    rename(labeled, "vspa-s011 spa", "vspa-s011 zho")
    with pytest.raises(UserError, match=r"joint, lang, .*`zho` of vspa-s011 is not one of the model's classes.*skip"):
        classify(labeled, "test_sent")


def test_a_class_only_in_the_evaluation_can_be_counted_as_unknown(labeled: World) -> None:
    rename(labeled, "vspa-s011 spa", "vspa-s011 zho")
    attributes = labeled.root / "attributes.yaml"
    attributes.write_text(attributes.read_text().replace("labels: utt2lang", "labels: utt2lang, unknown: skip"))
    results = classify(labeled, "test_sent")
    wanted = {"system": "joint", "attribute": "lang", "protocol": "classifier"}
    assert select_score(results, metric="unknown", **wanted)["value"] == 1
    assert select_score(results, metric="accuracy", **wanted)["n"] == 35


def test_a_set_with_one_known_class_is_skipped(labeled: World, capsys: pytest.CaptureFixture[str]) -> None:
    rename(labeled, " fra", " zho")
    rename(labeled, " spa", " ces")
    attributes = labeled.root / "attributes.yaml"
    attributes.write_text(attributes.read_text().replace("labels: utt2lang", "labels: utt2lang, unknown: skip"))
    results = classify(labeled, "test_sent")
    assert not ((results["protocol"] == "classifier") & (results["attribute"] == "lang")).any()
    assert "joint: fewer than two of lang's classes in test_sent are known" in capsys.readouterr().out


def test_a_set_with_one_class_is_an_error_if_it_is_the_only_set(
    labeled: World, capsys: pytest.CaptureFixture[str]
) -> None:
    rename(labeled, " fra", " eng")
    rename(labeled, " spa", " eng")
    with pytest.raises(UserError, match="test_sent/utt2lang: all labels are `eng`"):
        classify(labeled, "test_sent")
    write_scp(labeled.root / "dump/test_spk/utt2lang", {n: "eng" if n < "p04" else "fra" for n in labeled.voiced})
    classify(labeled, "test_sent", "test_spk")
    said = capsys.readouterr().out
    assert said.count("test_sent/utt2lang: all labels are `eng`") == 1
    assert "joint: no lang.logits.scp for test_spk" in said


def test_labels_without_outputs_are_an_error(labeled: World) -> None:
    scp = labeled.root / "embeddings/joint/test_sent/lang.logits.scp"
    scp.write_text("\n".join(scp.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(UserError, match=r"lang.logits.scp: no embedding of utterance vspa-s011; extract"):
        classify(labeled, "test_sent")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "cannot be read as classes"),
        ('{"kind": "class", "classes": {"eng": 1}}', "4 outputs, but 1 in lang.classes.json"),
    ],
)
def test_a_broken_list_of_classes_is_an_error(labeled: World, content: str, message: str) -> None:
    (labeled.root / "embeddings/joint/test_sent/lang.classes.json").write_text(content)
    with pytest.raises(UserError, match=message):
        classify(labeled, "test_sent")


def test_the_error_names_nan_outputs(labeled: World) -> None:
    folder = labeled.root / "embeddings/joint/test_sent"
    logits = dict(kaldiio.load_scp(str(folder / "lang.logits.scp")).items())
    logits["vfra-s003"] = np.full(4, np.nan)
    write_outputs(folder, "lang", logits, {"kind": "class", "classes": CLASSES})
    with pytest.raises(UserError, match="outputs of vfra-s003 contain NaN"):
        classify(labeled, "test_sent")


def test_a_rule_that_does_not_suit_the_target_is_an_error(world: World) -> None:
    attributes = world.root / "attributes.yaml"
    attributes.write_text(attributes.read_text().replace("[retrieval]", "[classification]"))
    with pytest.raises(UserError, match=r"sem: .scoring: \[classification\]. needs"):
        classify(world, "test_sent")


def test_a_label_without_a_set_is_an_error(world: World) -> None:
    with pytest.raises(UserError, match="--probe_labels utt2accent: none of the sets test_sent has"):
        classify(world, "test_sent", "--probe_labels", "utt2accent")
    with pytest.raises(UserError, match="give the sets to probe"):
        world.score("--probe_labels", "utt2lang")


def test_an_attribute_without_a_system_needs_no_labels(labeled: World) -> None:
    (labeled.root / "dump/test_sent/utt2age").unlink()
    with pytest.raises(UserError, match="utt2age: there are no labels"):
        classify(labeled, "test_sent")
    for part in ("test_sent", "test_spk"):
        (labeled.root / f"embeddings/joint/{part}/age.scp").unlink()
    assert "age" not in set(classify(labeled, "test_sent")["attribute"])
