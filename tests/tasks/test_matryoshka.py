"""Training embeddings that can be cut: axes from the training targets, kept by later phases and the model's files."""

import shutil
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from training_run import Train, trainer

from espnet_ext.data.scp import read_scp

AXES = "heads.sem.matryoshka.axes"


@pytest.fixture(scope="module")
def place(work: Path, tmp_path_factory: pytest.TempPathFactory, attributes_block: dict) -> Path:
    """The dumps of `work`, with a semantic head of sizes 2 and 4 and a bank."""
    folder = tmp_path_factory.mktemp("matryoshka")
    for name in ("train", "dev", "encoder"):
        shutil.copytree(work / name, folder / name)
    sem = attributes_block["sem"]
    objective = [{"name": "cosine"}, {"name": "contrastive", "weight": 0.2, "bank_size": 9}]
    sem = sem | {"head": sem["head"] | {"matryoshka": [2, 4]}, "objective": objective}
    attributes = {"attributes": attributes_block | {"sem": sem}}
    (folder / "attributes.yaml").write_text(yaml.safe_dump(attributes, sort_keys=False))
    return folder


@pytest.fixture(scope="module")
def trained(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as monkeypatch:
        return trainer(place, tmp_path_factory.mktemp("trained"), monkeypatch)(max_epoch=1)


def test_the_axes_are_those_of_the_training_targets(trained: Path, place: Path) -> None:
    entries = read_scp(place / "train" / "target_sem.scp").values()
    targets = np.stack([kaldiio.load_mat(entry) for entry in entries if entry != "None"])
    expected = np.linalg.svd(targets.astype(np.float64))[2][:4]
    found = load_file(trained / "model.safetensors")[AXES].numpy()
    np.testing.assert_allclose(np.abs((found * expected).sum(axis=1)), 1, atol=1e-5)


def test_a_later_phase_keeps_the_axes(
    trained: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(place, tmp_path / "place")
    scp = tmp_path / "place" / "train" / "target_sem.scp"
    lines = scp.read_text().splitlines()
    scp.write_text(
        "".join(f"{line}\n" for line in lines[:8]) + "".join(f"{line.split()[0]} None\n" for line in lines[8:])
    )
    train: Train = trainer(tmp_path / "place", tmp_path, monkeypatch)
    out = train(tmp_path / "out", "--init_model", str(trained), max_epoch=1)
    before, after = (load_file(folder / "model.safetensors")[AXES] for folder in (trained, out))
    assert torch.equal(before, after)
