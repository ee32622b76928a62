"""A trained model on disk: model.json (its description) and model.safetensors (its weights)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from transformers.initialization import no_init_weights

from espnet_ext.config.attributes import AttributeConfig, LabelTarget, TeacherTarget
from espnet_ext.config.validation import validate
from espnet_ext.model.encoder import AbsSpeechEncoder, build_encoder
from espnet_ext.model.encoder_weights import WEIGHTS, read_encoder_weights
from espnet_ext.model.old_models import current_attribute, current_weights
from espnet_ext.model.utt_model import UttModel
from espnet_ext.model.weights import fill_strictly, read_weights
from espnet_ext.utils.atomic import atomic_path, write_json_atomic
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.provenance import sha256_of

DESCRIPTION = "model.json"
# Prefix of the names of the encoder's weights in a model's file.
ENCODER = "encoder."
PREPROCESSOR = "preprocessor_config.json"
# Keys of every target in model.json, whether it is a teacher's or labels.
TARGET_KEYS = tuple(TeacherTarget.model_fields | LabelTarget.model_fields)


def save_model(folder: Path, model: UttModel, encoder_config: dict, attributes: dict[str, AttributeConfig]) -> None:
    """Write a model's description and weights.

    Args:
        folder: where to write.
        model: the trained model.
        encoder_config: the encoder's Hugging Face config.
        attributes: the declarations of the model's attributes.
    """
    write_model(folder, describe_model(model, encoder_config, attributes), model.inference_modules().state_dict())


def describe_model(model: UttModel, encoder_config: dict, attributes: dict[str, AttributeConfig]) -> dict[str, Any]:
    """Content of a model's model.json; see `save_model`."""
    return {
        "encoder": encoder_config,
        "frame_average": model.encoder.frame_average,
        "attributes": {name: _describe_attribute(config) for name, config in attributes.items()},
    }


def write_model(folder: Path, description: dict[str, Any], weights: dict[str, torch.Tensor]) -> None:
    """Write model.json and model.safetensors, each atomically; the same content gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.contiguous().cpu() for name, tensor in sorted(weights.items())}
    with atomic_path(folder / WEIGHTS) as temporary:
        temporary.write_bytes(save(weights))
    write_json_atomic(folder / DESCRIPTION, description)


def load_model(folder: Path, device: str | torch.device = "cpu", autocast: str = "float32") -> UttModel:
    """Build and fill a model, ready for inference.

    Raises:
        UserError: a file is missing or damaged, or weights are missing, left over or of another shape.
    """
    encoder, attributes = _described_encoder(folder), read_attributes(folder)
    with _describing(folder):
        model = UttModel(encoder, attributes, autocast)
    fill_strictly(model, read_model_weights(folder), folder / WEIGHTS)
    return model.to(device).eval()


def load_trained_encoder(folder: Path) -> AbsSpeechEncoder:
    """Build and fill the encoder of a trained model; raises as `load_model` does."""
    encoder = _described_encoder(folder)
    weights = read_model_weights(folder)
    weights = {name.removeprefix(ENCODER): tensor for name, tensor in weights.items() if name.startswith(ENCODER)}
    fill_strictly(encoder, weights, folder / WEIGHTS)
    return encoder


def read_model_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Weights of a trained model under their current names; UserError when the file is missing or damaged."""
    return current_weights(read_weights(folder / WEIGHTS))


def read_attributes(folder: Path) -> dict[str, AttributeConfig]:
    """Declarations of a trained model's attributes; UserError when its model.json is invalid."""
    description = read_description(folder)
    with _describing(folder):
        where = f"{folder / DESCRIPTION}: invalid model description; download or retrain the model"
        return {name: _attribute_from(entry, f"{where}: {name}") for name, entry in description["attributes"].items()}


def _described_encoder(folder: Path) -> AbsSpeechEncoder:
    """Build the encoder of a trained model, without its weights."""
    description = read_description(folder)
    # Random weights of a model of the paper's size take seconds, and all of them are replaced.
    with _describing(folder), no_init_weights():
        return build_encoder(description["encoder"], description["frame_average"])


@contextmanager
def _describing(folder: Path) -> Iterator[None]:
    try:
        yield
    # ValueError: sizes that do not match; RuntimeError: sizes that do not fit into memory.
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise UserError(
            f"{folder / DESCRIPTION}: invalid model description ({problem}); download or retrain the model"
        ) from error


def model_hashes(folder: Path) -> dict[str, str]:
    """Name -> sha256 of each file of a trained model; UserError where it is not one."""
    read_description(folder)
    return {name: sha256_of(folder / name) for name in (DESCRIPTION, WEIGHTS)}


def read_description(folder: Path) -> dict[str, Any]:
    """Content of model.json, under its current keys."""
    description = _read_json(folder / DESCRIPTION, "the folder of a trained or packed model")
    with _describing(folder):
        attributes = {name: current_attribute(entry) for name, entry in description["attributes"].items()}
    return description | {"attributes": attributes}


def _read_json(path: Path, folder_kind: str) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"{path}: no such file; is {path.parent} {folder_kind}?") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid JSON ({error}); download or retrain the model") from error


def read_encoder_config(folder: Path) -> dict[str, Any]:
    """Content of a pretrained encoder's config.json, and of its preprocessor_config.json under `preprocessor`."""
    config = _read_json(folder / "config.json", "the folder of a pretrained encoder")
    if not (folder / PREPROCESSOR).exists():
        return config
    # Only the settings: some files also contain tables derived from them, such as Whisper's mel filters.
    preprocessor = _read_json(folder / PREPROCESSOR, "the folder of a pretrained encoder")
    return config | {"preprocessor": {k: v for k, v in preprocessor.items() if isinstance(v, bool | int | float | str)}}


def load_encoder(folder: Path, frame_average: int = 1) -> AbsSpeechEncoder:
    """Build a pretrained encoder and fill it from its own checkpoint, or that of a model around it.

    Raises:
        UserError: a file is missing or damaged, or weights are missing, left over or of another shape.
    """
    encoder = build_encoder(read_encoder_config(folder), frame_average)
    expected = encoder.encoder.state_dict().keys()
    fill_strictly(encoder.encoder, read_encoder_weights(folder, expected, encoder.checkpoint_prefixes), folder)
    return encoder


def _describe_attribute(config: AttributeConfig) -> dict[str, Any]:
    target = {key: getattr(config.target, key) for key in TARGET_KEYS}
    return {"name": config.name} | config.model_dump() | {"target": target}


def _attribute_from(entry: dict[str, Any], where: str) -> AttributeConfig:
    target = entry["target"]
    fields = (LabelTarget if target.get("labels") else TeacherTarget).model_fields
    own = {key: value for key, value in target.items() if key in fields or key not in TARGET_KEYS}
    return validate(AttributeConfig, entry | {"target": own}, where, by_name=True)
