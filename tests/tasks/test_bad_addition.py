"""Invalid additions to a model and invalid initial models: one error line each."""

import shutil
from pathlib import Path

import pytest
import yaml
from safetensors.torch import load_file, save_file

from espnet_ext.utils.errors import UserError
from helpers.addition_run import adding
from helpers.training_run import Train, trainer


@pytest.fixture
def add(place: Path, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Add `accent` to the trained model."""
    return adding(place, straight, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("words", "changes", "message"),
    [
        (["--attribute_names", "spk"], {}, r"straight\d*/out: the model has an attribute 'spk' already \(sem, spk\)"),
        (["--init_model", "there"], {}, "--add_to .* has its own encoder and weights: remove --encoder and"),
        ([], {"encoder_conf": {"frame_average": 2}}, "train.yaml: encoder_conf: --add_to keeps the encoder as it is"),
        ([], {"encoder_conf": {"freeze_blocks": -1}}, "encoder_conf: frame_average must be 2, that of .*straight"),
        (["--add_to", "nowhere"], {}, "nowhere/model.json: no such file; is nowhere the folder of a trained"),
        (["--input", "layers"], {}, "train/layers: layers of another encoder than .*straight.*: dump the layers"),
        (["--add_to", "none"], {}, "--encoder: name the folder of the pretrained encoder, or of a trained model by"),
    ],
)
def test_an_invalid_addition_gives_one_error_line(add: Train, words: list[str], changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        add(*words, **changes)


@pytest.mark.parametrize(
    ("part", "key", "value", "message"),
    [
        ("head", "normalize_layers", True, "sem.head: normalize_layers is True, but False in the model .*straight"),
        ("target", "teacher", "other", "sem.target: teacher is 'other', but 'usem' in the model .*straight"),
    ],
)
def test_the_error_names_an_attribute_declared_differently_in_the_model(
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
    with pytest.raises(UserError, match="out: was trained on another encoder than .*base: delete it"):
        add("--add_to", str(base))
    assert (out / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--attribute_names", "sem"], "a model of sem, spk cannot start a training of sem; .* use --add_to"),
        (["--attribute_names", "sem", "spk", "accent"], "cannot start a training of sem, spk, accent; .* --add_to"),
    ],
)
def test_a_phase_with_other_attributes_gives_one_error_line(
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


def test_the_error_names_a_head_declared_differently_in_the_model(
    place: Path, work: Path, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attributes = yaml.safe_load((place / "attributes.yaml").read_text())
    attributes["attributes"]["spk"]["head"]["hidden_dim"] = 4
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(attributes))
    options = ["--encoder", str(work / "encoder"), "--init_model", str(straight)]
    options += ["--attributes", str(tmp_path / "other.yaml")]
    with pytest.raises(UserError, match="other.yaml: spk.head: hidden_dim is 4, but 8 in the model .*straight"):
        trainer(place, tmp_path, monkeypatch)(tmp_path / "out", *options)
