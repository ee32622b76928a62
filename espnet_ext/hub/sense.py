"""The authors' checkpoint SENSE-2ATTR (LIA-AvignonUniversity/SENSE-2ATTR) as our model.

Both give the same embedding of an utterance alone whose log-mel frames are even in number. Theirs pools padding too:
of an odd number the half frame that fills the last one, and in a batch all there is.
"""

from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor
from transformers.initialization import no_init_weights

from espnet_ext.config.attributes import AttributeConfig, HeadConfig, ObjectiveConfig, TeacherTarget
from espnet_ext.errors import UserError
from espnet_ext.hub.encoder_weights import encoder_names
from espnet_ext.hub.model_files import PREPROCESSOR, read_encoder_config
from espnet_ext.hub.pickled_weights import load_checkpoint
from espnet_ext.hub.sense_names import (
    ATTRIBUTES,
    CONFIG,
    ENCODER,
    ENCODER_PREFIX,
    ENCODER_TYPE,
    HEAD_NAMES,
    HEADS,
    HYPERPARAMS,
    MODULES,
    OUR_ENCODER_PREFIX,
    named_module,
)
from espnet_ext.hub.snapshot import download_snapshot
from espnet_ext.hub.weights import fill_strictly
from espnet_ext.utt.encoder import build_encoder
from espnet_ext.utt.espnet_model import ESPnetUttModel

TARGETS = {
    "sem": TeacherTarget(teacher="bge_m3", source="text"),
    "spk": TeacherTarget(teacher="ecapa", source="speech"),
}
SCORINGS = {"sem": ("retrieval",), "spk": ("verification",)}


def sense_folder(name: str) -> Path:
    """Local folder of a checkpoint in SENSE-2ATTR's layout; nothing that could run is fetched.

    Args:
        name: a folder, or a hub id.

    Raises:
        UserError: the hub cannot deliver it.
    """
    files = [ENCODER, HEADS, HYPERPARAMS, CONFIG, PREPROCESSOR, *(f"{module}.ckpt" for module in MODULES)]
    return _folder_or_hub(name, files, "--sense")


def sense_encoder_config(folder: Path, encoder: str) -> dict[str, Any]:
    """Config of the encoder: of the checkpoint's own folder, or else of the encoder that was fine-tuned.

    Args:
        folder: of the checkpoint.
        encoder: folder or hub id of the encoder.

    Raises:
        UserError: there is none, or it is of another architecture.
    """
    own = (folder / CONFIG).is_file()
    config = read_encoder_config(folder if own else _folder_or_hub(encoder, [CONFIG, PREPROCESSOR], "--encoder"))
    if config.get("model_type") != ENCODER_TYPE:
        raise UserError(f"--encoder {encoder}: model_type {config.get('model_type')!r} is not SENSE's, {ENCODER_TYPE}")
    return config


def _folder_or_hub(name: str, files: list[str], option: str) -> Path:
    if Path(name).is_dir():
        return Path(name)
    advice = f", or bring {files[0]} and the other files here and give their folder"
    return download_snapshot(name, files, f"{option}: no such folder, and", advice)


def load_sense(folder: Path, config: dict[str, Any]) -> tuple[ESPnetUttModel, dict[str, AttributeConfig]]:
    """Read a checkpoint of SENSE-2ATTR.

    Args:
        folder: of the checkpoint.
        config: of the encoder.

    Returns:
        The model, in evaluation mode, and the declarations of its attributes.

    Raises:
        UserError: a file is missing or damaged, or a weight is missing, unknown or of another shape.
    """
    with no_init_weights():  # random ones would take seconds
        encoder = build_encoder(config)
    weights = _read_heads(folder)
    attributes = {name: _attribute(name, weights, folder, encoder.num_layers) for name in ATTRIBUTES}
    theirs = _read_checkpoint(folder, ENCODER)
    own_names = encoder_names(theirs, encoder.encoder.state_dict().keys(), [ENCODER_PREFIX])
    weights |= {OUR_ENCODER_PREFIX + own: theirs[name] for name, own in own_names.items()}
    model = ESPnetUttModel(encoder, attributes)
    fill_strictly(model, weights, folder)
    return model.eval(), attributes


def _read_heads(folder: Path) -> dict[str, Tensor]:
    """The branches' weights under our names; what has none keeps its own."""
    if (folder / HEADS).is_file():
        theirs = {named_module(name): weight for name, weight in _read_checkpoint(folder, HEADS).items()}
    else:
        theirs = {}
        for module in MODULES:
            theirs |= {f"{module}.{n}": weight for n, weight in _read_checkpoint(folder, f"{module}.ckpt").items()}
    return {HEAD_NAMES.get(name, name): weight for name, weight in theirs.items()}


def _read_checkpoint(folder: Path, name: str) -> dict[str, Tensor]:
    if not (folder / name).is_file():
        found = ", ".join(sorted(path.name for path in folder.glob("*.ckpt"))) or "no *.ckpt"
        raise UserError(f"{folder}: no checkpoint of SENSE-2ATTR: {name} is missing; it holds {found}")
    return load_checkpoint(folder / name)


def _attribute(name: str, weights: dict[str, Tensor], folder: Path, num_layers: int) -> AttributeConfig:
    """The declaration whose head has the checkpoint's sizes."""
    logits, weight = (weights.get(f"heads.{name}.layer_mix.{part}") for part in ("logits", "weight"))
    if logits is None or weight is None or logits.dim() != 1 or weight.dim() != 3:
        raise UserError(f"{folder}: the layer mix of {name} (logits, W) is missing or of another form")
    hidden_dim = weight.shape[1]
    projection = weights.get(f"heads.{name}.projection.weight", torch.empty(hidden_dim, 0))
    head = HeadConfig(
        dim=projection.shape[0],
        hidden_dim=hidden_dim,
        first_layer=_first_layer(name, len(logits), folder, num_layers),
    )
    objectives = (ObjectiveConfig(name="cosine"),)
    return AttributeConfig(name=name, target=TARGETS[name], head=head, objectives=objectives, scoring=SCORINGS[name])


def _first_layer(name: str, num_mixed: int, folder: Path, num_layers: int) -> int:
    """Where the mix starts: as the hyper-parameters say; without them so that it ends at the last layer."""
    settings = _read_settings(folder / HYPERPARAMS) if (folder / HYPERPARAMS).is_file() else {}
    start = settings.get(f"layer_start_{name}", num_layers - num_mixed)
    if start != num_layers - num_mixed or start < 0 or settings.get(f"layer_end_{name}", num_layers) != num_layers:
        raise UserError(
            f"{folder}: the mix of {name} holds {num_mixed} of the encoder's {num_layers} hidden states, from {start} "
            "on; it must end at the last one: give the --encoder that was trained"
        )
    return start


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        return dict(yaml.load(path.read_text(encoding="utf-8"), _PlainValues))
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: no hyper-parameters ({reason}); fetch it again, or remove it") from error


class _PlainValues(yaml.SafeLoader):
    """YAML whose tags, which SpeechBrain's own reader would run, mean nothing."""


_PlainValues.add_multi_constructor("!", lambda loader, tag, node: None)
