"""Checkpoints that exist only as pickles: read as tensors, and converted to safetensors once."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from espnet_ext.hub.encoder_weights import WEIGHTS
from espnet_ext.utils.atomic import atomic_folder
from espnet_ext.utils.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

PICKLES = "pytorch_model*.bin"


def without_pickles(folder: Path, cache: Path) -> Path:
    """Convert the `pytorch_model*.bin` of a checkpoint to one safetensors file.

    Args:
        folder: of a checkpoint with pickled weights.
        cache: the cache folder. A finished conversion in `<cache>/converted` is reused.

    Returns:
        Folder with the safetensors file and copies of the JSON files.

    Raises:
        UserError: a file is damaged, or contains anything other than tensors (which could run code).
    """
    pickles = sorted(folder.glob(PICKLES))
    origin = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in pickles]
    converted = cache / "converted" / f"{folder.name}-{hashlib.sha256(repr(origin).encode()).hexdigest()[:12]}"
    if not (converted / WEIGHTS).exists():
        # Imports torch, which takes seconds; a converted checkpoint does not need it.
        from safetensors.torch import save_file

        weights = {name: tensor for path in pickles for name, tensor in load_checkpoint(path).items()}
        with atomic_folder(converted) as temporary:
            for path in folder.glob("*config.json"):
                shutil.copyfile(path, temporary / path.name)
            # Safetensors rejects views and tensors that share memory.
            save_file({name: tensor.clone().contiguous() for name, tensor in weights.items()}, temporary / WEIGHTS)
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
