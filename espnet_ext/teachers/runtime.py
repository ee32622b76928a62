"""Device and weights of a teacher, which depend on the machine and never change the targets."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from espnet_ext.hub.download import default_cache, download_snapshot
from espnet_ext.utils.errors import UserError

if TYPE_CHECKING:  # half of the teachers do not need torch, whose import takes seconds
    import torch

PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Runtime:
    """Options of `dump_targets` that depend on the machine.

    Attributes:
        device: for instance `cpu` or `cuda:1`; None = the GPU if there is one.
        teacher_dir: folder of offline weights (see `local_folder`); None = the hub.

    Raises:
        UserError: `teacher_dir` does not exist.
    """

    device: str | None = None
    teacher_dir: Path | None = None

    def __post_init__(self) -> None:
        if self.teacher_dir is not None and not self.teacher_dir.is_dir():
            raise UserError(f"--teacher_dir {self.teacher_dir}: no such folder; leave it out to use the hub")

    def torch_device(self) -> torch.device:
        """The device to compute on; UserError if this machine does not have it."""
        import torch

        try:
            default = "cuda" if torch.cuda.is_available() else "cpu"
            device = torch.device(default if self.device is None else self.device)
            torch.empty(1, device=device)
        except (RuntimeError, AssertionError, NotImplementedError) as error:  # depends on the backend
            reason = str(error).splitlines()[0]
            raise UserError(f"--device {self.device}: not usable here ({reason}); leave it out, or give cpu") from error
        return device

    def num_gpus(self) -> int:
        """Number of GPUs for worker processes: 1 if a GPU is named, else all GPUs; 0 = the CPU computes."""
        import torch

        device = self.torch_device()
        if device.type == "cpu":
            return 0
        return 1 if device.index is not None else max(1, torch.cuda.device_count())


DEFAULT_RUNTIME = Runtime()


@contextmanager
def teacher_inference(device: torch.device, precision: str = "float32") -> Iterator[None]:
    """Forward passes without gradients, with the same bits in every run.

    Args:
        device: where they run.
        precision: `float32` with all 24 bits (by default, a GPU rounds convolutions and LSTMs to TF32's 11 bits), or
            `bfloat16` by autocast.

    Raises:
        UserError: the device is out of memory.
    """
    import torch

    exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
    half = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
    try:
        with torch.inference_mode(), exact, half:
            yield
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"out of memory on {device}, where a teacher computes in {precision}: end other programs that use it, give "
            "another --device (for instance cpu), or `options: {precision: bfloat16}`; finished targets are kept"
        ) from error


def check_precision(teacher: str, precision: str) -> str:
    """Return `precision`; UserError if it is not one of `PRECISIONS`."""
    if precision not in PRECISIONS:
        raise UserError(f"teacher {teacher}: unknown precision {precision!r}; legal: {', '.join(PRECISIONS)}")
    return precision


def local_folder(teacher: str, model: str, teacher_dir: Path | None, expected: Sequence[str]) -> Path | None:
    """Folder of a model on disk; None = download it from the hub.

    `teacher_dir` is either the model's own folder, or contains one folder for each model, named by the full name of the
    model (`BAAI/bge-m3`) or by its last part (`bge-m3`).

    Args:
        teacher: name for the message.
        model: hub id, or the model's folder.
        teacher_dir: the folder of offline weights, or None.
        expected: required files of the model's folder, each a glob pattern or alternatives separated by `|`.

    Raises:
        UserError: a file is missing in `teacher_dir` or in the folder `model`.
    """
    if Path(model).is_dir():
        folders = [Path(model)]
    elif teacher_dir is not None:
        folders = [teacher_dir / model, teacher_dir / Path(model).name, teacher_dir]
    else:
        return None
    for folder in folders:
        if all(any(any(folder.glob(p)) for p in entry.split("|")) for entry in expected):
            return folder
    files = " and ".join(entry.replace("|", " or ") for entry in expected)
    raise UserError(f"teacher {teacher}: no weights of {model}: expected {files} in {' or '.join(map(str, folders))}")


def hub_folder(teacher: str, model: str, revision: str | None, patterns: Sequence[str]) -> Path:
    """Local folder with the files of a hub model that match `patterns`, downloaded if they are not in the cache.

    Raises:
        UserError: the hub has no such model or revision, or cannot be reached.
    """
    advice = ", or copy the model's files to this machine and give their folder with --teacher_dir"
    # The recipe's cache, unless the user chose one for all programs.
    cache = None if "HF_HUB_CACHE" in os.environ else default_cache() / "hub"
    return download_snapshot(model, patterns, f"teacher {teacher}:", advice, revision, cache)


def fingerprint(files: Iterable[Path]) -> str:
    """Hash over the names and contents of files; it does not depend on their folder."""
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.name):
        with path.open("rb") as stream:
            digest.update(path.name.encode() + hashlib.file_digest(stream, "sha256").digest())
    return f"sha256:{digest.hexdigest()[:16]}"
