"""Read the published checkpoint SENSE-2ATTR (LIA-AvignonUniversity/SENSE-2ATTR), a SpeechBrain model.

Both models give the same embedding of a single utterance with an even number of log-mel frames. SENSE also pools
padding: half a frame if the number is odd, and all padding of a batch.

The names of files and weights follow the authors' training code (MaryemBouziane/SENSE-2ATTR, files
hparams/train_2attr.yaml, layer_mixing.py and train.py) and SpeechBrain 1.1, whose checkpointer writes `wav2vec2.ckpt`
(a `W2VBert` with transformers' model as `model`) and `model.ckpt` (a list of `MODULES`). The released folder could not
be read. It is assumed to contain these files, or one file for each module; anything else is an error that names it.
"""

from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor
from transformers.initialization import no_init_weights

from espnet_ext.config.attributes import AttributeConfig, HeadConfig, ObjectiveConfig, TeacherTarget
from espnet_ext.hub.download import download_snapshot
from espnet_ext.hub.pickled_weights import load_checkpoint
from espnet_ext.model.encoder import build_encoder
from espnet_ext.model.encoder_weights import encoder_names
from espnet_ext.model.saved_model import PREPROCESSOR, read_encoder_config
from espnet_ext.model.utt_model import UttModel
from espnet_ext.model.weights import fill_strictly
from espnet_ext.utils.errors import UserError

ENCODER, HEADS, HYPERPARAMS, CONFIG = "wav2vec2.ckpt", "model.ckpt", "hyperparams.yaml", "config.json"
ENCODER_TYPE = "wav2vec2-bert"
ENCODER_PREFIX, OUR_ENCODER_PREFIX = "model.", "encoder.encoder."
# In the order of the list in `model.ckpt`.
MODULES = ("layer_mix_sem", "layer_mix_spk", "attn_pooling_sem", "attn_pooling_spk", "projection_spk")
# Kind of module -> name of its weight in SENSE -> name in a head of ours.
PARTS = {
    "layer_mix": {
        "logits": "layer_mix.logits",
        "W": "layer_mix.weight",
        "b": "layer_mix.bias",
        "ln.weight": "layer_mix.norm.weight",
        "ln.bias": "layer_mix.norm.bias",
    },
    "attn_pooling": {
        "attn_pooling_w.weight": "pooling.scorer.weight",
        "attn_pooling_w.bias": "pooling.scorer.bias",
    },
    "projection": {"weight": "projection.weight", "bias": "projection.bias"},
}
# `layer_mix_sem.W` -> `heads.sem.layer_mix.weight`, and so on.
HEAD_NAMES = {
    f"{module}.{theirs}": f"heads.{module.rpartition('_')[2]}.{ours}"
    for module in MODULES
    for theirs, ours in PARTS[module.rpartition("_")[0]].items()
}
TARGETS = {
    "sem": TeacherTarget(teacher="bge_m3", source="text"),
    "spk": TeacherTarget(teacher="ecapa", source="speech"),
}
SCORINGS = {"sem": ("retrieval",), "spk": ("verification",)}


def sense_folder(name: str) -> Path:
    """Local folder of a SENSE-2ATTR checkpoint; no code is downloaded.

    Args:
        name: a folder, or a hub id.

    Raises:
        UserError: the hub cannot deliver it.
    """
    files = [ENCODER, HEADS, HYPERPARAMS, CONFIG, PREPROCESSOR, *(f"{module}.ckpt" for module in MODULES)]
    return _folder_or_hub(name, files, "--sense")


def sense_encoder_config(folder: Path, encoder: str) -> dict[str, Any]:
    """Config of the encoder, from the checkpoint's folder or from the encoder that was fine-tuned.

    Args:
        folder: folder of the checkpoint.
        encoder: folder or hub id of the encoder, for a checkpoint without a config.

    Raises:
        UserError: there is no config, or it is of another architecture.
    """
    own = (folder / CONFIG).is_file()
    config = read_encoder_config(folder if own else _folder_or_hub(encoder, [CONFIG, PREPROCESSOR], "--encoder"))
    if config.get("model_type") != ENCODER_TYPE:
        raise UserError(f"--encoder {encoder}: model_type {config.get('model_type')!r} is not SENSE's, {ENCODER_TYPE}")
    return config


def _folder_or_hub(name: str, files: list[str], option: str) -> Path:
    if Path(name).is_dir():
        return Path(name)
    advice = f", or give a local folder that contains {files[0]} and the other files"
    return download_snapshot(name, files, f"{option}: no such folder, and", advice)


def load_sense(folder: Path, config: dict[str, Any]) -> tuple[UttModel, dict[str, AttributeConfig]]:
    """Read a checkpoint of SENSE-2ATTR.

    Args:
        folder: folder of the checkpoint.
        config: config of the encoder.

    Returns:
        The model, in evaluation mode, and the declarations of its attributes.

    Raises:
        UserError: a file is missing or damaged, or a weight is missing, unknown or of another shape.
    """
    with no_init_weights():  # random ones would take seconds
        encoder = build_encoder(config)
    weights = _read_heads(folder)
    attributes = {name: _attribute(name, weights, folder, encoder.num_layers) for name in TARGETS}
    theirs = _read_checkpoint(folder, ENCODER)
    own_names = encoder_names(theirs, encoder.encoder.state_dict().keys(), [ENCODER_PREFIX])
    weights |= {OUR_ENCODER_PREFIX + own: theirs[name] for name, own in own_names.items()}
    model = UttModel(encoder, attributes)
    fill_strictly(model, weights, folder)
    return model.eval(), attributes


def _read_heads(folder: Path) -> dict[str, Tensor]:
    """Weights of the heads under our names; unknown weights keep their own."""
    if (folder / HEADS).is_file():
        theirs = {_with_module(name): weight for name, weight in _read_checkpoint(folder, HEADS).items()}
    else:
        files = {module: _read_checkpoint(folder, f"{module}.ckpt") for module in MODULES}
        theirs = {f"{module}.{name}": weight for module, part in files.items() for name, weight in part.items()}
    return {HEAD_NAMES.get(name, name): weight for name, weight in theirs.items()}


def _with_module(name: str) -> str:
    """`0.W`, a name in the list of `model.ckpt`, as `layer_mix_sem.W`; any other name is unchanged."""
    index, _, rest = name.partition(".")
    return f"{MODULES[int(index)]}.{rest}" if index.isdecimal() and int(index) < len(MODULES) else name


def _read_checkpoint(folder: Path, name: str) -> dict[str, Tensor]:
    if not (folder / name).is_file():
        found = ", ".join(sorted(path.name for path in folder.glob("*.ckpt"))) or "no *.ckpt"
        raise UserError(f"{folder}: not a SENSE-2ATTR checkpoint: {name} is missing; the folder contains {found}")
    return load_checkpoint(folder / name)


def _attribute(name: str, weights: dict[str, Tensor], folder: Path, num_layers: int) -> AttributeConfig:
    """Declaration of an attribute whose head has the checkpoint's sizes."""
    logits, weight = (weights.get(f"heads.{name}.layer_mix.{part}") for part in ("logits", "weight"))
    if logits is None or weight is None or logits.dim() != 1 or weight.dim() != 3:
        raise UserError(f"{folder}: the layer mix of {name} (logits, W) is missing or has another shape")
    hidden_dim = weight.shape[1]
    projection = weights.get(f"heads.{name}.projection.weight", torch.empty(hidden_dim, 0))
    first_layer = _first_layer(name, len(logits), folder, num_layers)
    return AttributeConfig(
        name=name,
        target=TARGETS[name],
        head=HeadConfig(dim=projection.shape[0], hidden_dim=hidden_dim, first_layer=first_layer),
        objectives=(ObjectiveConfig(name="cosine"),),
        scoring=SCORINGS[name],
    )


def _first_layer(name: str, num_mixed: int, folder: Path, num_layers: int) -> int:
    """First hidden state of the mix, which must end at the last one; checked against the hyperparameters."""
    settings = _read_settings(folder / HYPERPARAMS) if (folder / HYPERPARAMS).is_file() else {}
    start = settings.get(f"layer_start_{name}", num_layers - num_mixed)
    if start != num_layers - num_mixed or start < 0 or settings.get(f"layer_end_{name}", num_layers) != num_layers:
        raise UserError(
            f"{folder}: the mix of {name} reads {num_mixed} of the encoder's {num_layers} hidden states, from {start}; "
            "it must end at the last one: give the encoder that was trained with --encoder"
        )
    return start


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        return dict(yaml.load(path.read_text(encoding="utf-8"), _PlainLoader))
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: invalid hyperparameters ({reason}); download the file again, or remove it") from error


class _PlainLoader(yaml.SafeLoader):
    """YAML loader that reads every tag as None; SpeechBrain's own reader would execute tags."""


_PlainLoader.add_multi_constructor("!", lambda loader, tag, node: None)
