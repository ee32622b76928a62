"""Where a teacher computes and where its weights lie: of the machine, never of the targets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from espnet_ext.utils.errors import UserError

if TYPE_CHECKING:  # half of the teachers do without torch, whose import takes seconds
    import torch

PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Runtime:
    """Options of `dump_targets` that depend on the machine.

    Attributes:
        device: for instance `cpu` or `cuda:1`; None = the GPU where there is one.
        teacher_dir: folder of offline weights (`local_folder` describes its layout); None = the hub.

    Raises:
        UserError: there is no folder `teacher_dir`.
    """

    device: str | None = None
    teacher_dir: Path | None = None

    def __post_init__(self) -> None:
        if self.teacher_dir is not None and not self.teacher_dir.is_dir():
            raise UserError(f"--teacher_dir {self.teacher_dir}: no such folder; leave it out to use the hub")

    def torch_device(self) -> torch.device:
        """The device to compute on; UserError where there is none of that name."""
        import torch

        try:
            default = "cuda" if torch.cuda.is_available() else "cpu"
            device = torch.device(default if self.device is None else self.device)
            torch.empty(1, device=device)
        except (RuntimeError, AssertionError, NotImplementedError) as error:  # whatever that backend raises
            reason = str(error).splitlines()[0]
            raise UserError(f"--device {self.device}: not usable here ({reason}); leave it out, or give cpu") from error
        return device

    def num_gpus(self) -> int:
        """GPUs to share out among processes: the one that is named, or all there are; 0 = the CPU computes."""
        import torch

        device = self.torch_device()
        if device.type == "cpu":
            return 0
        return 1 if device.index is not None else max(1, torch.cuda.device_count())


DEFAULT_RUNTIME = Runtime()


@contextmanager
def teacher_inference(device: torch.device, precision: str = "float32") -> Iterator[None]:
    """Forward passes without gradients, the same bits at every run.

    Args:
        device: where they run.
        precision: `float32`, to all its 24 bits (by default a GPU rounds convolutions and LSTMs to
            TF32's 11), or `bfloat16`, by autocast.

    Raises:
        UserError: what is computed inside does not fit into the device's memory.
    """
    import torch

    exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
    half = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
    try:
        with torch.inference_mode(), exact, half:
            yield
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"out of memory on {device}, where a teacher computes in {precision}: end what else uses it, give another "
            "--device (cpu is one), or `options: {precision: bfloat16}`; what is done is kept"
        ) from error


def check_precision(teacher: str, precision: str) -> str:
    """`precision` itself; UserError when it is none of `PRECISIONS`."""
    if precision not in PRECISIONS:
        raise UserError(f"teacher {teacher}: unknown precision {precision!r}; legal: {', '.join(PRECISIONS)}")
    return precision
