"""Our model in the layout of SENSE-2ATTR, as SpeechBrain loads it."""

import io
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor
from transformers import Wav2Vec2BertConfig

from espnet_ext.data.atomic import atomic_folder, write_json_atomic, write_text_atomic
from espnet_ext.errors import UserError
from espnet_ext.hub.model_files import PREPROCESSOR, load_model, read_description
from espnet_ext.hub.sense_names import (
    ATTRIBUTES,
    CONFIG,
    ENCODER,
    ENCODER_PREFIX,
    ENCODER_TYPE,
    HEAD_NAMES,
    HEADS,
    HYPERPARAMS,
    OUR_ENCODER_PREFIX,
    listed_module,
)
from espnet_ext.utt.espnet_model import ESPnetUttModel

MASK_VECTOR = "masked_spec_embed"


def write_sense(model_dir: Path, out: Path) -> None:
    """Write a trained or packed model in SENSE-2ATTR's layout, as the authors' training code loads it.

    Args:
        model_dir: folder of the model.
        out: folder to write; replaced when it exists.

    Raises:
        UserError: the model cannot be loaded, or has what that layout cannot hold.
    """
    model, description = load_model(model_dir), read_description(model_dir)
    _check_form(model, description, model_dir)
    weights, config = model.state_dict(), description["encoder"]
    heads = {listed_module(theirs): weights[ours] for theirs, ours in HEAD_NAMES.items()}
    encoder = {
        ENCODER_PREFIX + name.removeprefix(OUR_ENCODER_PREFIX): weight
        for name, weight in weights.items()
        if name.startswith(OUR_ENCODER_PREFIX)
    }
    hf_config = Wav2Vec2BertConfig(**config)
    if hf_config.mask_time_prob or hf_config.mask_feature_prob:
        # Put in place of masked input in training alone, which neither side does.
        encoder[ENCODER_PREFIX + MASK_VECTOR] = torch.zeros(hf_config.hidden_size)
    with atomic_folder(out) as folder:
        (folder / ENCODER).write_bytes(_checkpoint_bytes(encoder))
        (folder / HEADS).write_bytes(_checkpoint_bytes(heads))
        write_text_atomic(folder / HYPERPARAMS, yaml.safe_dump(_hyperparams(model), sort_keys=False))
        write_json_atomic(folder / CONFIG, {key: value for key, value in config.items() if key != "preprocessor"})
        if "preprocessor" in config:
            write_json_atomic(folder / PREPROCESSOR, config["preprocessor"])


def _check_form(model: ESPnetUttModel, description: dict[str, Any], model_dir: Path) -> None:
    entries = description["attributes"]
    problems = []
    if description["encoder"].get("model_type") != ENCODER_TYPE:
        problems.append(f"its encoder is {description['encoder'].get('model_type')}, not {ENCODER_TYPE}")
    if description["frame_average"] != 1:
        problems.append("it averages frames")
    if sorted(entries) != sorted(ATTRIBUTES):
        problems.append(f"its attributes are {', '.join(entries)}, not {', '.join(ATTRIBUTES)}")
    for name in entries:
        head = entries[name]["head"]
        if head["normalize_layers"] or head["pooling"] != "attention" or head["hidden_dim"] != model.encoder.dim:
            problems.append(f"{name}: the mix must keep the encoder's width and scale, and pool by attention")
        if (head["dim"] == head["hidden_dim"]) != (name == "sem"):
            problems.append(f"{name}: a projection belongs behind spk and not behind sem")
    if problems:
        raise UserError(f"{model_dir}: SENSE-2ATTR's layout cannot hold this model: {problems[0]}")


def _hyperparams(model: ESPnetUttModel) -> dict[str, Any]:
    settings = {"d_model": model.encoder.dim, "num_w2v_layers": model.encoder.num_layers}
    for name in ATTRIBUTES:
        settings |= {f"layer_start_{name}": model.heads[name].first_layer}
        settings |= {f"layer_end_{name}": model.encoder.num_layers}
    return settings | {"teacher_dim": model.heads["spk"].projection.out_features}


def _checkpoint_bytes(weights: dict[str, Tensor]) -> bytes:
    buffer = io.BytesIO()
    torch.save({name: weight.contiguous() for name, weight in sorted(weights.items())}, buffer)
    return buffer.getvalue()
