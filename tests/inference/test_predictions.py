"""Predictions of the model's classifiers from written embeddings."""

import json
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from espnet_ext.config.attributes import parse_attributes
from espnet_ext.config.labels import LabelSpace
from espnet_ext.dump.executor import Executor
from espnet_ext.inference import predictions
from espnet_ext.inference.extract import System, extract
from espnet_ext.inference.predictions import read_classifiers
from espnet_ext.inference.utt_encoder import UttEncoder
from espnet_ext.kaldi.archives import append_to_ark
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.model.encoder import build_encoder
from espnet_ext.model.saved_model import load_model, save_model
from espnet_ext.model.utt_model import UttModel
from espnet_ext.utils.errors import UserError

LABELS = {
    "lang": LabelSpace(kind="class", classes={"deu": 4, "eng": 9, "spa": 2}),
    "age": LabelSpace(kind="number", mean=41.0, std=9.0),
    "talk": LabelSpace(kind="class", classes={"x": 4, "y": 9}),
}
OBJECTIVES = {"lang": "aam_softmax", "age": "regression", "talk": "supervised_contrastive"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, encoder_config: dict, attributes_block: dict) -> Path:
    """A model of a teacher attribute, of classes, of a number, and of classes without a classifier."""
    block = {"sem": attributes_block["sem"]}
    for name, space in LABELS.items():
        target = {"labels": f"utt2{name}", "kind": space.kind}
        block[name] = {"target": target, "head": {"hidden_dim": 8, "dim": 5}, "objective": {"name": OBJECTIVES[name]}}
    parsed = parse_attributes(block, "test")
    attributes = {name: config.model_copy(update={"labels": LABELS.get(name)}) for name, config in parsed.items()}
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("a model")
    save_model(folder, UttModel(build_encoder(encoder_config), attributes), encoder_config, attributes)
    return folder


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    folder = tmp_path / "dump" / "test set"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    with (folder / "audio.ark").open("wb") as stream:
        offsets = {f"é{i}": append_to_ark(stream, f"é{i}", random.normal(0, 0.1, 2000 + 500 * i)) for i in range(7)}
    write_scp(folder / "wav.scp", {name: f"{folder}/audio.ark:{offset}" for name, offset in offsets.items()})
    write_scp(folder / "utt2num_samples", {f"é{i}": 2000 + 500 * i for i in range(7)})
    return folder


def test_logits_and_numbers_equal_those_of_the_model(
    folder: Path, dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "BATCH_SIZE", 3)
    list(extract(System(folder, ("sem", "lang", "age", "talk")), [dump], tmp_path / "out", Executor()))
    written = tmp_path / "out" / dump.name
    model = load_model(folder)
    for name, width in {"lang": 3, "age": 1}.items():
        embeddings, found = (
            {key: kaldiio.load_mat(entry) for key, entry in read_scp(written / f"{stem}.scp").items()}
            for stem in (name, f"{name}.logits")
        )
        assert list(found) == list(embeddings) == list(read_scp(dump / "wav.scp"))
        expected = model.predict({name: torch.from_numpy(np.stack(list(embeddings.values())))})[name]
        assert expected.shape == (7, width)
        np.testing.assert_allclose(np.stack(list(found.values())), expected.detach().numpy(), rtol=1e-5, atol=1e-5)
        description = json.loads((written / f"{name}.classes.json").read_text())
        assert LabelSpace.from_json(description) == LABELS[name]
    assert not list(written.glob("sem.logits*")) and not list(written.glob("talk.logits*"))


def test_labels_are_names_and_numbers(folder: Path) -> None:
    encoder = UttEncoder.from_pretrained(folder, "cpu")
    speech = [np.random.default_rng(seed).normal(0, 0.1, 3000).astype(np.float32) for seed in range(3)]
    embeddings = encoder.encode(speech)
    logits = encoder.model.predict({name: torch.from_numpy(vectors) for name, vectors in embeddings.items()})
    found = encoder.label(embeddings)
    assert set(found) == {"lang", "age"}
    assert found["lang"].tolist() == [["deu", "eng", "spa"][int(row.argmax())] for row in logits["lang"]]
    assert found["age"].tolist() == pytest.approx(logits["age"][:, 0].tolist())
    assert encoder.label({"sem": embeddings["sem"]}) == {}


def test_logits_are_cosines_to_the_nearest_sub_center(folder: Path) -> None:
    loss = read_classifiers(folder)["lang"]
    center = torch.nn.functional.normalize(loss[0].weight[1, 0], dim=0)
    assert loss.classifier.predict(center[None])[0, 1].item() == pytest.approx(30.0)


def test_a_model_without_its_classifier_is_refused(folder: Path, tmp_path: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({k: v for k, v in weights.items() if k != "objectives.lang.0.weight"}, tmp_path / "model.safetensors")
    (tmp_path / "model.json").write_bytes((folder / "model.json").read_bytes())
    with pytest.raises(UserError, match="model.safetensors: weights of another model: 0.weight is missing"):
        read_classifiers(tmp_path)
