"""Labels end to end: dump, training, resume, the saved model and its classes."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

from espnet_ext.config.attributes import load_attributes
from espnet_ext.dump.label_targets import class_file, dump_labels
from espnet_ext.inference.utt_encoder import UttEncoder
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.model.saved_model import load_model
from espnet_ext.utils.errors import UserError
from helpers.training_run import Train, make_dump, trainer

ATTRIBUTES = {
    "lang": {
        "target": {"labels": "utt2lang"},
        "head": {"hidden_dim": 8, "dim": 5},
        "objective": [
            {"name": "aam_softmax", "margin_schedule": [2, 9], "class_weights": "balanced"},
            {"name": "supervised_contrastive", "weight": 0.1},
        ],
    },
    "age": {
        "target": {"labels": "utt2age", "kind": "number"},
        "head": {"hidden_dim": 8, "dim": 4},
        "objective": {"name": "regression"},
    },
}
NAMES = ("--attribute_names", "sem", "lang", "age")


@pytest.fixture(scope="module")
def labelled(work: Path, tmp_path_factory: pytest.TempPathFactory, attributes_block: dict) -> Path:
    """Dumps with languages of all utterances and ages of half of them, and a class that only dev has."""
    folder = tmp_path_factory.mktemp("labels")
    (folder / "encoder").symlink_to(work / "encoder")
    text = yaml.safe_dump({"attributes": attributes_block | ATTRIBUTES}, sort_keys=False)
    (folder / "attributes.yaml").write_text(text)
    for name, count in {"train": 16, "dev": 6}.items():
        make_dump(folder / name, count, seed=count)
        utterances = list(read_scp(folder / name / "wav.scp"))
        write_scp(folder / name / "utt2sent", {u: f"s{i % 3}" for i, u in enumerate(utterances) if i % 4})
        write_scp(folder / name / "utt2age", {u: 20 + 3 * i for i, u in enumerate(utterances) if i % 2})
    languages = read_scp(folder / "dev" / "utt2lang")
    write_scp(folder / "dev" / "utt2lang", languages | {"u03": "xho"})
    dump_all(folder)
    return folder


def dump_all(folder: Path) -> None:
    for name, attribute in load_attributes(folder / "attributes.yaml").items():
        if attribute.target.labels:
            dump_labels(folder / "train", name, attribute.target)
            target = attribute.target.model_copy(update={"unknown": "skip"})
            dump_labels(folder / "dev", name, target, class_file(folder / "train", name))


@pytest.fixture
def train_labels(labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    return trainer(labelled, tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def trained(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = tmp_path_factory.mktemp("trained")
        return trainer(labelled, folder, monkeypatch)(folder / "out", *NAMES)


def test_the_model_knows_its_classes_and_predicts(trained: Path, labelled: Path) -> None:
    described = json.loads((trained / "model.json").read_text())["attributes"]
    assert described["sem"]["labels"] is None
    assert described["lang"]["labels"]["classes"] == {"eng": 8, "fra": 8}
    assert described["age"]["labels"]["mean"] == pytest.approx(44.0)
    model = load_model(trained)
    embeddings = UttEncoder(model).encode([torch.randn(9000).numpy()])
    assert {name: vector.shape[1] for name, vector in embeddings.items()} == {"sem": 8, "lang": 5, "age": 4}
    predictions = model.predict({name: torch.from_numpy(vectors) for name, vectors in embeddings.items()})
    assert {name: tuple(values.shape) for name, values in predictions.items()} == {"lang": (1, 2), "age": (1, 1)}


def test_the_objectives_weights_are_trained_and_saved(trained: Path) -> None:
    weights = load_file(trained / "model.safetensors")
    assert weights["objectives.lang.0.weight"].shape == (2, 1, 5)
    # Batches of the epochs up to the best one, four each.
    best = os.readlink(trained / "valid.loss.best.pth")
    assert int(weights["objectives.lang.0.num_batches"]) == 4 * int(best.removesuffix("epoch.pth"))
    curves = pd.read_csv(trained / "curves.tsv", sep="\t")
    assert {"loss_lang", "acc_lang", "loss_age", "mae_age", "cos_sem"} <= set(curves["key"])
    losses = curves[(curves["key"] == "loss_age") & (curves["split"] == "train")]["value"].tolist()
    assert losses[-1] < losses[0]


def test_a_resumed_run_ends_with_the_same_model(trained: Path, train_labels: Train) -> None:
    out = train_labels(trained.parent / "again" / "out", *NAMES, max_epoch=2)
    train_labels(out, *NAMES)
    for name in ("model.safetensors", "model.json", "curves.tsv"):
        assert (out / name).read_bytes() == (trained / name).read_bytes(), name


def test_a_second_phase_starts_from_the_classifier_of_the_first(trained: Path, train_labels: Train) -> None:
    still = {"optim_conf": {"lr": 0.0, "weight_decay": 0.0}, "optim2_conf": {"lr": 0.0}, "max_epoch": 1}
    out = train_labels(trained.parent / "second", *NAMES, "--init_model", str(trained), **still)
    before, after = (load_file(folder / "model.safetensors") for folder in (trained, out))
    moved = [name for name, tensor in before.items() if not torch.equal(tensor, after[name])]
    assert moved == ["objectives.lang.0.num_batches"]


def test_labels_beside_them_do_not_change_how_heads_begin(labelled: Path, trained: Path, train_labels: Train) -> None:
    still = {"optim_conf": {"lr": 0.0, "weight_decay": 0.0}, "optim2_conf": {"lr": 0.0}, "max_epoch": 1}
    alone, beside = (
        load_file(train_labels(trained.parent / f"heads{len(names)}", *names, **still) / "model.safetensors")
        for names in (("--attribute_names", "sem"), NAMES)
    )
    assert all(torch.equal(tensor, beside[name]) for name, tensor in alone.items())


@pytest.mark.parametrize(
    ("split", "labels", "message"),
    [
        ("train", dict.fromkeys(("u00", "u01"), "eng"), "train/target_lang.json: training has one class only, 'eng'"),
        ("train", {"u01": "und"}, "train/target_lang.json: no training utterance has a label"),
        (
            "train",
            {"u00": "eng", "u01": "zul"},
            r"dev/target_lang.json: its classes are not those .*\('fra' is only in one",
        ),
    ],
)
def test_labels_that_cannot_train_are_named(
    labelled: Path, tmp_path: Path, train_labels: Train, split: str, labels: dict, message: str
) -> None:
    target = load_attributes(labelled / "attributes.yaml")["lang"].target
    before = {path: path.read_bytes() for path in (labelled / split).iterdir() if path.is_file()}
    write_scp(labelled / split / "utt2lang", labels)
    dump_labels(labelled / split, "lang", target)
    with pytest.raises(UserError, match=message):
        train_labels(tmp_path / "out", *NAMES)
    for path, content in before.items():
        path.write_bytes(content)


def test_targets_of_something_else_are_named(labelled: Path, tmp_path: Path, train_labels: Train) -> None:
    path = labelled / "train" / "target_lang.json"
    before = path.read_text()
    path.write_text('{"teacher": "usem", "dim": 1}')
    message = r"train/target_lang.json: targets of teacher usem, but lang is declared to learn from utt2lang \(class\)"
    with pytest.raises(UserError, match=message):
        train_labels(tmp_path / "out", *NAMES)
    path.write_text(before)
