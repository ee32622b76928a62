"""Checkpoints that exist only as pickles, converted to safetensors once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from espnet_ext.model.encoder_weights import WEIGHTS
from espnet_ext.utils.atomic import atomic_folder
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.strict_yaml import read_yaml

if TYPE_CHECKING:  # a converted checkpoint is found without torch, whose import takes seconds
    from torch import Tensor

PICKLES = "pytorch_model*.bin"
# Describes a packed ESPnet model.
META = "meta.yaml"


def without_pickles(folder: Path, cache: Path) -> Path:
    """Convert `pytorch_model*.bin` to one safetensors file, next to copies of the JSON files of `folder`.

    Args:
        folder: folder of a checkpoint with pickled weights.
        cache: the cache folder; the result is in `<cache>/converted`.

    Raises:
        UserError: a file is damaged, or contains anything but tensors (which could run code, and is not read).
    """
    pickles = sorted(folder.glob(PICKLES))
    converted = _converted_folder(folder, pickles, cache)
    if not (converted / WEIGHTS).exists():
        weights = {name: tensor for path in pickles for name, tensor in load_checkpoint(path).items()}
        _write(converted, {path.name: path.read_bytes() for path in folder.glob("*config.json")}, weights)
    return converted


def convert_espnet(folder: Path, cache: Path) -> Path:
    """Convert the encoder of an ESPnet model (see `espnet_files`) to a config.json and one safetensors file.

    Raises:
        UserError: see `without_pickles` and `espnet_files`.
    """
    config, checkpoint = espnet_files(folder)
    converted = _converted_folder(folder, [config, checkpoint], cache)
    if not (converted / WEIGHTS).exists():
        from espnet_ext.model.encoder.espnet import describe_encoder, select_weights

        description = json.dumps(describe_encoder(read_yaml(config)), indent=2)
        _write(converted, {"config.json": description.encode()}, select_weights(load_checkpoint(checkpoint)))
    return converted


def load_checkpoint(path: Path) -> dict[str, Tensor]:
    """Read weights by name from a pickled checkpoint; only tensors and plain containers are unpickled.

    Raises:
        UserError: the file is damaged, contains anything other than weights, or would run code.
    """
    import torch

    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever the unpickler met
        raise UserError(f"{path}: damaged, or not plain weights ({type(error).__name__}); fetch it again") from error
    if not isinstance(weights, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in weights.values()):
        raise UserError(f"{path}: holds no weights by name; fetch it again, or name the checkpoint of a model alone")
    return dict(weights)


def espnet_files(folder: Path) -> tuple[Path, Path]:
    """Training config and checkpoint of an ESPnet model.

    Args:
        folder: folder of a packed model (with meta.yaml), or of a trained one (config.yaml and one `*.pth`).

    Raises:
        UserError: a file is missing.
    """
    if (folder / META).is_file():
        config, checkpoint = (folder / name for name in packed_files(folder / META))
    else:
        checkpoints = sorted(folder.glob("*.pth"))
        if len(checkpoints) != 1:
            raise UserError(
                f"{folder}: expected one checkpoint *.pth, or a meta.yaml that names it; found {len(checkpoints)}"
            )
        config, checkpoint = folder / "config.yaml", checkpoints[0]
    for path in (config, checkpoint):
        if not path.is_file():
            raise UserError(f"{path}: no such file, though {folder} needs it; fetch the model again")
    return config, checkpoint


def packed_files(meta: Path) -> tuple[str, str]:
    """Names of the training config and of the checkpoint in an ESPnet model's meta.yaml."""
    content = read_yaml(meta)
    try:
        config = next(iter(content["yaml_files"].values()))
        checkpoint = next(name for name in content["files"].values() if name.endswith(".pth"))
    except (KeyError, TypeError, AttributeError, StopIteration) as error:
        raise UserError(f"{meta}: names no ESPnet model (a file in yaml_files, and a *.pth in files)") from error
    for name in (config, checkpoint):
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise UserError(f"{meta}: {name!r} is outside the model's folder")
    return config, checkpoint


def _converted_folder(folder: Path, files: Sequence[Path], cache: Path) -> Path:
    """Folder of a conversion; another content of the files has another folder."""
    origin = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return cache / "converted" / f"{folder.name}-{hashlib.sha256(repr(origin).encode()).hexdigest()[:12]}"


def _write(folder: Path, configs: Mapping[str, bytes], weights: Mapping[str, Tensor]) -> None:
    from safetensors.torch import save_file

    with atomic_folder(folder) as temporary:
        for name, content in configs.items():
            (temporary / name).write_bytes(content)
        # Safetensors refuses views and tensors that share memory.
        save_file({name: tensor.clone().contiguous() for name, tensor in weights.items()}, temporary / WEIGHTS)
