"""A saved model: it loads unchanged, and the error of a file from another model names the file."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from espnet_ext.config.attributes import (
    AttributeConfig,
    HeadConfig,
    LabelTarget,
    ObjectiveConfig,
    TeacherTarget,
    parse_attributes,
)
from espnet_ext.config.labels import LabelSpace
from espnet_ext.model.saved_model import load_encoder, load_model, read_attributes, save_model
from espnet_ext.utils.errors import UserError

WEIGHT = "heads.sem.pooling.scorer.weight"


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    """A copy of the model that a test can damage, in a folder with a space."""
    return Path(shutil.copytree(model_folder, tmp_path / "a model"))


def test_a_model_loads_with_its_weights_in_evaluation_mode(model_folder: Path) -> None:
    model = load_model(model_folder)
    weights = load_file(model_folder / "model.safetensors")
    assert set(model.state_dict()) == set(weights)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())
    assert not any(module.training for module in model.modules())


def test_the_same_model_gives_the_same_bytes(
    model_folder: Path, tmp_path: Path, encoder_config: dict, attributes_block: dict
) -> None:
    save_model(tmp_path, load_model(model_folder), encoder_config, parse_attributes(attributes_block, "test"))
    for name in ("model.safetensors", "model.json"):
        assert (tmp_path / name).read_bytes() == (model_folder / name).read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_the_error_names_a_truncated_weights_file(folder: Path, share: float) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=r"a model/model.safetensors: damaged weights file"):
        load_model(folder)


def change_weights(folder: Path, change: str) -> None:
    weights = load_file(folder / "model.safetensors")
    if change == "missing":
        del weights[WEIGHT]
    if change == "unknown":
        weights[WEIGHT + "2"] = torch.zeros(1)
    if change == "shape":
        weights[WEIGHT] = torch.zeros(1, 9)
    if change in ("nan", "inf"):
        weights[WEIGHT][0, 3] = float(change)
    if change == "zeros":
        weights = {name: torch.zeros_like(tensor) for name, tensor in weights.items()}
    save_file(weights, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing", f"{WEIGHT} is missing"),
        ("unknown", f"{WEIGHT}2 is unknown"),
        ("shape", rf"{WEIGHT} has shape \(1, 9\), not \(1, 8\)"),
    ],
)
def test_the_error_names_weights_of_another_model(folder: Path, change: str, message: str) -> None:
    change_weights(folder, change)
    with pytest.raises(UserError, match=rf"a model/model.safetensors: weights of another model: {message}"):
        load_model(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("nan", f"{WEIGHT}: a weight is not a finite number"),
        ("inf", f"{WEIGHT}: a weight is not a finite number"),
        ("zeros", "all weights are zero"),
    ],
)
def test_broken_weights_are_refused(folder: Path, change: str, message: str) -> None:
    change_weights(folder, change)
    with pytest.raises(UserError, match=rf"a model/model.safetensors: {message}"):
        load_model(folder)


@pytest.mark.parametrize("file", ["model.safetensors", "model.json"])
def test_the_error_names_a_missing_file(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(UserError, match=f"a model/{file}: no such file"):
        load_model(folder)


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe{}", b"[]", b"{}", b'{"encoder": {}}', b"null"])
def test_the_error_names_a_broken_description(folder: Path, content: bytes) -> None:
    (folder / "model.json").write_bytes(content)
    with pytest.raises(UserError, match="a model/model.json: "):
        load_model(folder)


def test_the_error_names_a_description_with_a_damaged_attribute(folder: Path) -> None:
    description = json.loads((folder / "model.json").read_text())
    del description["attributes"]["spk"]["head"]
    (folder / "model.json").write_text(json.dumps(description))
    with pytest.raises(UserError, match="a model/model.json: "):
        load_model(folder)


@pytest.mark.parametrize("d_model", [33, 2**44])
def test_the_error_names_a_description_with_impossible_sizes(folder: Path, d_model: int) -> None:
    description = json.loads((folder / "model.json").read_text())
    description["encoder"]["d_model"] = d_model
    (folder / "model.json").write_text(json.dumps(description))
    with pytest.raises(UserError, match="a model/model.json: invalid model description"):
        load_model(folder)


def test_a_pretrained_encoder_is_loaded_strictly(model_folder: Path, tmp_path: Path, encoder_config: dict) -> None:
    prefix = "encoder.encoder."
    weights = load_file(model_folder / "model.safetensors")
    encoder = {name.removeprefix(prefix): t for name, t in weights.items() if name.startswith(prefix)}
    (tmp_path / "config.json").write_text(json.dumps(encoder_config))
    save_file(encoder, tmp_path / "model.safetensors")
    loaded = load_encoder(tmp_path).encoder.state_dict()
    assert all(torch.equal(tensor, encoder[name]) for name, tensor in loaded.items())
    save_file({**encoder, "decoder": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match="decoder is unknown"):
        load_encoder(tmp_path)
    save_file(encoder | {"layer_norm.bias": torch.full((32,), torch.nan)}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match="layer_norm.bias: a weight is not a finite number"):
        load_encoder(tmp_path)


def test_the_attributes_of_an_older_model_are_read(tmp_path: Path) -> None:
    """Targets have the keys of both teachers and labels, and one attribute has no `labels`."""
    common = {"head": {"dim": 4, "hidden_dim": 8, "dropout": 0}, "weight": 0.5, "scoring": ["retrieval"]}
    term = {"name": "cosine", "weight": 1.0, "options": {"scale": 2}}
    teacher = {"teacher": "usem", "source": "text", "options": {"a": 1}, "average_translations": True}
    labels = {"labels": None, "kind": "class", "unknown": "error"}
    sem = common | {"name": "sem", "target": teacher | labels, "objectives": [term]}
    teacher = {"teacher": None, "source": "labels", "options": {}, "average_translations": False}
    labels = {"labels": "utt2age", "kind": "number", "unknown": "skip"}
    space = {"kind": "number", "classes": {}, "mean": 40.0, "std": 9.0}
    age = common | {"name": "age", "target": teacher | labels, "objectives": [term], "labels": space}
    (tmp_path / "model.json").write_text(json.dumps({"attributes": {"sem": sem, "age": age}}))
    head = HeadConfig(dim=4, hidden_dim=8, dropout=0.0)
    objectives = (ObjectiveConfig(name="cosine", weight=1.0, options={"scale": 2}),)
    same = {"head": head, "objectives": objectives, "weight": 0.5, "scoring": ("retrieval",)}
    text = TeacherTarget(teacher="usem", source="text", options={"a": 1}, average_translations=True)
    number = LabelTarget(labels="utt2age", kind="number", unknown="skip")
    assert read_attributes(tmp_path) == {
        "sem": AttributeConfig(name="sem", target=text, **same),
        "age": AttributeConfig(name="age", target=number, labels=LabelSpace(kind="number", mean=40.0, std=9.0), **same),
    }


def test_the_error_names_an_unknown_key_of_an_attribute(folder: Path) -> None:
    description = json.loads((folder / "model.json").read_text())
    description["attributes"]["spk"]["head"]["dimm"] = 3
    (folder / "model.json").write_text(json.dumps(description))
    with pytest.raises(UserError, match=r"model.json: invalid model description; .*: spk: head: unknown key 'dimm'"):
        load_model(folder)
