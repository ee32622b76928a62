"""A new attribute on a trained model: its head learns, and of the rest not a bit changes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from training_run import Train, trainer

from espnet_ext.bin import dump_layers
from espnet_ext.data.audio import read_dumped
from espnet_ext.data.scp import read_scp
from espnet_ext.errors import UserError
from espnet_ext.hub.inference import UttEncoder
from espnet_ext.hub.model_files import load_model
from espnet_ext.train.layer_cache import encoder_hash

FROZEN = {"encoder_conf": {"freeze_blocks": -1, "frame_average": 2}, "max_epoch": 2}
ATTRIBUTE = {
    "target": {"teacher": "resemblyzer", "from": "speech"},
    "head": {"hidden_dim": 8, "dim": 6, "pooling": "attentive_statistics"},
    "objective": {"name": "cosine"},
}


@pytest.fixture(scope="module")
def place(work: Path, straight: Path, tmp_path_factory: pytest.TempPathFactory, attributes_block: dict) -> Path:
    """Dumps with targets of a third attribute and layers of the trained encoder, beside those of the pretrained one."""
    folder = tmp_path_factory.mktemp("addition")
    attributes = {"attributes": attributes_block | {"accent": ATTRIBUTE}}
    (folder / "attributes.yaml").write_text(yaml.safe_dump(attributes, sort_keys=False))
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in ("train", "dev"):
            dump = Path(shutil.copytree(work / name, folder / name))
            for suffix in ("scp", "json"):
                shutil.copy(dump / f"target_spk.{suffix}", dump / f"target_accent.{suffix}")
            for source, words in {
                "--encoder": [str(work / "encoder"), "--frame_average", "2"],
                "--model": [str(straight), "--layers_name", "layers of it"],
            }.items():
                options = ["--dump_dir", str(dump), "--device", "cpu", "--autocast", "float32", source, *words]
                monkeypatch.setattr("sys.argv", ["dump_layers", *options])
                dump_layers.main()
    return folder


@pytest.fixture
def add(place: Path, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Add `accent` to the trained model."""
    return adding(place, straight, tmp_path, monkeypatch)


def adding(place: Path, base: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    run = trainer(place, folder, monkeypatch)

    def add(*words: str, out: Path = folder / "out", **changes: object) -> Path:
        options = ["--encoder", "none", "--add_to", str(base), "--attribute_names", "accent", *words]
        return run(out, *options, **FROZEN | changes)

    return add


@pytest.fixture(scope="module")
def grown(place: Path, straight: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model with three attributes, whose third was trained on cached layers."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        add = adding(place, straight, tmp_path_factory.mktemp("grown"), monkeypatch)
        return add("--input", "layers", "--layers_name", "layers of it")


def test_the_other_weights_are_the_same_bytes(grown: Path, straight: Path) -> None:
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


def test_the_cache_of_the_pretrained_encoder_is_still_there(place: Path, work: Path, straight: Path) -> None:
    origins = [json.loads((place / "train" / name / "origin.json").read_text()) for name in ("layers", "layers of it")]
    assert [origin["encoder"] for origin in origins] == [encoder_hash(work / "encoder"), encoder_hash(straight)]
    assert [origin["frame_average"] for origin in origins] == [2, 2]


def test_the_hash_of_a_models_encoder_follows_from_its_encoder_alone(
    grown: Path, straight: Path, tmp_path: Path
) -> None:
    assert encoder_hash(grown) == encoder_hash(straight)
    weights = load_file(straight / "model.safetensors")
    weights["encoder.encoder.conv1.bias"] += 1e-6
    (tmp_path / "model.json").write_bytes((straight / "model.json").read_bytes())
    save_file(weights, tmp_path / "model.safetensors")
    assert encoder_hash(tmp_path) != encoder_hash(straight)


def test_an_attribute_can_be_added_to_a_model_that_had_one_added(
    grown: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attributes = yaml.safe_load((place / "attributes.yaml").read_text())
    attributes["attributes"]["tempo"] = ATTRIBUTE
    (tmp_path / "attributes.yaml").write_text(yaml.safe_dump(attributes))
    for name in ("train", "dev"):
        dump = Path(shutil.copytree(place / name, tmp_path / name))
        for suffix in ("scp", "json"):
            (dump / f"target_accent.{suffix}").rename(dump / f"target_tempo.{suffix}")
    add = adding(tmp_path, grown, tmp_path, monkeypatch)
    # The cached layers serve again.
    out = add("--attribute_names", "tempo", "--input", "layers", "--layers_name", "layers of it", max_epoch=1)
    assert list(load_model(out).heads) == ["sem", "spk", "accent", "tempo"]


@pytest.mark.parametrize(
    ("words", "changes", "message"),
    [
        (["--attribute_names", "spk"], {}, r"straight\d*/out: the model has an attribute 'spk' already \(sem, spk\)"),
        (["--init_model", "there"], {}, "--add_to .* brings its own encoder and weights: leave out --encoder and"),
        ([], {"encoder_conf": {"frame_average": 2}}, "train.yaml: encoder_conf: --add_to keeps the encoder as it is"),
        ([], {"encoder_conf": {"freeze_blocks": -1}}, "encoder_conf: frame_average must be 2, that of .*straight"),
        (["--add_to", "nowhere"], {}, "nowhere/model.json: no such file; is nowhere the folder of a trained"),
        (["--input", "layers"], {}, "train/layers: layers of another encoder than that of .*straight.*: dump its own"),
        (["--add_to", "none"], {}, "--encoder: name the folder of the pretrained encoder, or of a trained model by"),
    ],
)
def test_what_does_not_fit_the_model_is_one_line(add: Train, words: list[str], changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        add(*words, **changes)


@pytest.mark.parametrize(
    ("part", "key", "value", "message"),
    [
        ("head", "normalize_layers", True, "sem.head: normalize_layers is True, but False in the model .*straight"),
        ("target", "teacher", "other", "sem.target: teacher is 'other', but 'usem' in the model .*straight"),
    ],
)
def test_an_attribute_declared_otherwise_than_in_the_model_is_named(
    add: Train, place: Path, tmp_path: Path, part: str, key: str, value: object, message: str
) -> None:
    attributes = yaml.safe_load((place / "attributes.yaml").read_text())
    attributes["attributes"]["sem"][part][key] = value
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(attributes))
    with pytest.raises(UserError, match=f"other.yaml: {message}"):
        add("--attributes", str(tmp_path / "other.yaml"))


def test_a_resume_on_another_base_is_refused(add: Train, straight: Path, tmp_path: Path) -> None:
    base = Path(shutil.copytree(straight, tmp_path / "base"))
    out = add("--add_to", str(base))
    with pytest.raises(UserError, match="checkpoint.pth was trained with add_to '.*base', not '.*straight"):
        add()
    weights = load_file(base / "model.safetensors")
    weights["encoder.encoder.conv1.bias"] += 1e-6
    save_file(weights, base / "model.safetensors")
    with pytest.raises(UserError, match="out: was trained on another encoder than that of .*base: delete it"):
        add("--add_to", str(base))
    assert (out / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--attribute_names", "sem"], "a model of sem, spk cannot start a training of sem; .* use --add_to"),
        (["--attribute_names", "sem", "spk", "accent"], "cannot start a training of sem, spk, accent; .* --add_to"),
    ],
)
def test_a_phase_of_other_attributes_is_one_line(
    place: Path,
    work: Path,
    straight: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    message: str,
) -> None:
    options = ["--encoder", str(work / "encoder"), "--init_model", str(straight)]
    with pytest.raises(UserError, match=message):
        trainer(place, tmp_path, monkeypatch)(tmp_path / "out", *options, *words)
