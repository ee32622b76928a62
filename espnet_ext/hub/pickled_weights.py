"""Checkpoints that exist only as pickles, made into safetensors once."""

import hashlib
import shutil
from pathlib import Path

from espnet_ext.hub.encoder_weights import WEIGHTS
from espnet_ext.utils.atomic import atomic_folder

PICKLES = "pytorch_model*.bin"


def without_pickles(folder: Path, cache: Path) -> Path:
    """Folder with the JSON files of `folder` and its `pytorch_model*.bin` as one safetensors file, made when absent.

    Args:
        folder: of a checkpoint with pickled weights.
        cache: the cache folder; the result goes to `<cache>/converted`.

    Raises:
        UserError: a file is damaged, or holds anything beside tensors (it could run code, and is not read on).
    """
    pickles = sorted(folder.glob(PICKLES))
    origin = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in pickles]
    converted = cache / "converted" / f"{folder.name}-{hashlib.sha256(repr(origin).encode()).hexdigest()[:12]}"
    if not (converted / WEIGHTS).exists():
        # These import torch, which takes seconds; a converted checkpoint does without it.
        from safetensors.torch import save_file

        from espnet_ext.teachers.weights import load_checkpoint

        weights = {name: tensor for path in pickles for name, tensor in load_checkpoint(path).items()}
        with atomic_folder(converted) as temporary:
            for path in folder.glob("*config.json"):
                shutil.copyfile(path, temporary / path.name)
            # Safetensors refuses views and tensors that share memory.
            save_file({name: tensor.clone().contiguous() for name, tensor in weights.items()}, temporary / WEIGHTS)
    return converted
