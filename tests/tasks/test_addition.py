"""A new attribute on a trained model: its head learns, and all other weights are bit-identical."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from espnet_ext.config.attributes import load_attributes
from espnet_ext.dump.label_targets import class_file, dump_labels
from espnet_ext.inference.utt_encoder import UttEncoder
from espnet_ext.kaldi.archives import read_dumped
from espnet_ext.kaldi.scp import read_scp
from espnet_ext.model.saved_model import load_model
from espnet_ext.training.layer_cache import encoder_hash
from helpers.addition_run import adding
from helpers.training_run import Train

LABELS = {
    "target": {"labels": "utt2lang"},
    "head": {"hidden_dim": 8, "dim": 5},
    "objective": {"name": "aam_softmax"},
}


@pytest.fixture
def add(place: Path, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Add `accent` to the trained model."""
    return adding(place, straight, tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def grown(place: Path, straight: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model with three attributes, whose third was trained on cached layers."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        add = adding(place, straight, tmp_path_factory.mktemp("grown"), monkeypatch)
        return add("--input", "layers", "--layers_name", "layers of it")


def test_the_other_weights_are_bit_identical(grown: Path, straight: Path) -> None:
    before, after = (load_file(folder / "model.safetensors") for folder in (straight, grown))
    for name, tensor in before.items():
        assert after[name].numpy().tobytes() == tensor.numpy().tobytes(), name
    added = after.keys() - before.keys()
    assert added and all(name.startswith("heads.accent.") for name in added)
    descriptions = [json.loads((folder / "model.json").read_text()) for folder in (straight, grown)]
    assert list(descriptions[1]["attributes"]) == ["sem", "spk", "accent"]
    del descriptions[1]["attributes"]["accent"]
    assert descriptions[0] == descriptions[1]
    assert list(json.loads((grown / "layer_weights.json").read_text())) == ["sem", "spk", "accent"]


def test_the_other_embeddings_are_bit_identical(grown: Path, straight: Path, place: Path) -> None:
    speech = [read_dumped(entry) for entry in read_scp(place / "dev" / "wav.scp").values()]
    before, after = (UttEncoder.from_pretrained(folder, "cpu").encode(speech) for folder in (straight, grown))
    assert list(after) == ["sem", "spk", "accent"]
    for name, vectors in before.items():
        assert after[name].tobytes() == vectors.tobytes()
    np.testing.assert_allclose(np.linalg.norm(after["accent"], axis=1), 1, atol=1e-6)


def test_waveforms_train_the_head_as_cached_layers_do(grown: Path, add: Train) -> None:
    of_layers, of_speech = (load_file(folder / "model.safetensors") for folder in (grown, add()))
    assert of_layers.keys() == of_speech.keys()
    for name, tensor in of_layers.items():
        # The cache is in half precision.
        torch.testing.assert_close(of_speech[name], tensor, atol=5e-3, rtol=5e-3)


def test_the_head_has_learned(grown: Path, place: Path, add: Train) -> None:
    untrained = add("--input", "layers", "--layers_name", "layers of it", optim_conf={"lr": 0.0})
    head = "heads.accent.layer_mix.weight"
    weights = [load_file(folder / "model.safetensors")[head] for folder in (untrained, grown)]
    assert (weights[0] - weights[1]).abs().max() > 0.01


def test_the_cache_of_the_pretrained_encoder_is_kept(place: Path, work: Path, straight: Path) -> None:
    origins = [
        json.loads((place / "train" / name / "provenance.json").read_text()) for name in ("layers", "layers of it")
    ]
    assert [origin["encoder"] for origin in origins] == [encoder_hash(work / "encoder"), encoder_hash(straight)]
    assert [origin["frame_average"] for origin in origins] == [2, 2]


def test_the_hash_of_a_models_encoder_depends_only_on_the_encoder(grown: Path, straight: Path, tmp_path: Path) -> None:
    assert encoder_hash(grown) == encoder_hash(straight)
    weights = load_file(straight / "model.safetensors")
    weights["encoder.encoder.conv1.bias"] += 1e-6
    (tmp_path / "model.json").write_bytes((straight / "model.json").read_bytes())
    save_file(weights, tmp_path / "model.safetensors")
    assert encoder_hash(tmp_path) != encoder_hash(straight)


def test_a_label_can_be_added_to_a_model_that_had_an_attribute_added(
    grown: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attributes = yaml.safe_load((place / "attributes.yaml").read_text())
    attributes["attributes"]["lang"] = LABELS
    (tmp_path / "attributes.yaml").write_text(yaml.safe_dump(attributes))
    target = load_attributes(tmp_path / "attributes.yaml")["lang"].target
    for name in ("train", "dev"):
        dump = Path(shutil.copytree(place / name, tmp_path / name))
        dump_labels(dump, "lang", target, class_file(tmp_path / "train", "lang") if name == "dev" else None)
    add = adding(tmp_path, grown, tmp_path, monkeypatch)
    # The cached layers are reused.
    out = add("--attribute_names", "lang", "--input", "layers", "--layers_name", "layers of it", max_epoch=1)
    before, after = (load_file(folder / "model.safetensors") for folder in (grown, out))
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert after["objectives.lang.0.weight"].shape == (2, 1, 5)
    model = load_model(out)
    assert list(model.heads) == ["sem", "spk", "accent", "lang"]
    embeddings = UttEncoder(model).encode([0.1 * torch.randn(9000).numpy()])
    prediction = model.predict({"lang": torch.from_numpy(embeddings["lang"])})["lang"]
    weight = torch.nn.functional.normalize(after["objectives.lang.0.weight"][:, 0], dim=1)
    torch.testing.assert_close(prediction, 30 * torch.from_numpy(embeddings["lang"]) @ weight.T)
