"""Every change of ESPnet's and torch's behavior. Written for ESPnet 202611 and torch 2.11 to 2.14."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from espnet2.tasks.abs_task import scheduler_classes
from espnet2.train import dataset, trainer
from torch.amp.grad_scaler import GradScaler, OptState
from torch.nn.parallel import DistributedDataParallel

from espnet_ext.training.schedulers import NewBob

CHECKPOINT = "checkpoint.pth"
PREVIOUS = "checkpoint.previous.pth"


class JointGradScaler(GradScaler):
    """A GradScaler whose `update` waits until every optimizer has stepped.

    ESPnet 202611 calls `update` after each optimizer's step. The first call forgets which optimizers were unscaled
    already, and the gradients of the second optimizer are divided by the scale twice.
    """

    def update(self, new_scale: float | None = None) -> None:
        """Update the scale once all optimizers that were unscaled in this step have stepped."""
        if all(state["stage"] is OptState.STEPPED for state in self._per_optimizer_states.values()):
            super().update(new_scale)


@contextmanager
def patched_trainer() -> Iterator[None]:
    """Replace `torch.save` and the gradient scaler of ESPnet's trainer."""
    with atomic_saves(), patch.object(trainer, "GradScaler", JointGradScaler):
        yield


@contextmanager
def atomic_saves() -> Iterator[None]:
    """Make `torch.save` to a path write a temporary file and rename it; the previous checkpoint is kept.

    ESPnet 202611's trainer saves straight to the final name, in the middle of a long function: a crash there leaves
    only a truncated checkpoint.
    """
    plain_save = torch.save

    def save(content: Any, path: str | Path, *args: Any, **kwargs: Any) -> None:
        path = Path(path)
        temporary = path.with_name(path.name + ".tmp")
        try:
            with temporary.open("wb") as stream:
                plain_save(content, stream, *args, **kwargs)
                stream.flush()
                os.fsync(stream.fileno())
        except BaseException as error:
            temporary.unlink(missing_ok=True)
            # The zip writer's own error hides the full disk that caused it.
            reason = error if isinstance(error, OSError) else error.__context__
            if isinstance(reason, OSError):
                raise OSError(reason.errno, reason.strerror, str(path)) from error
            raise
        if path.name == CHECKPOINT and path.exists():
            os.replace(path, path.with_name(PREVIOUS))
        os.replace(temporary, path)

    with patch.object(torch, "save", save):
        yield


def reduced_at_steps[T](batches: Iterable[T], model: torch.nn.Module, accum_grad: int) -> Iterator[T]:
    """Yield batches; gradients are reduced across processes only in every `accum_grad`-th, where optimizers step.

    ESPnet 202611 reduces them in every batch. torch's `DistributedDataParallel.no_sync()`, which sets
    `require_backward_grad_sync`, cannot be entered inside ESPnet's loop.
    """
    for number, batch in enumerate(batches, 1):
        if isinstance(model, DistributedDataParallel):
            model.require_backward_grad_sync = number % accum_grad == 0
        yield batch


def ignore_buffers(model: torch.nn.Module, names: Collection[str]) -> None:
    """Do not broadcast these buffers, which are equal in all processes.

    torch's DistributedDataParallel sends every buffer at every step, and has no public option to leave one out
    (private since torch 1.7).
    """
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, list(names))


def register_data_types(readers: Mapping[str, Callable]) -> None:
    """Add readers to the types of `--train_data_path_and_name_and_type file,name,type`.

    ESPnet 202611 has one global table of types, and no way for a task to add its own.
    """
    for name, reader in readers.items():
        dataset.DATA_TYPES[name] = {"func": reader, "kwargs": [], "help": reader.__doc__}


def register_schedulers() -> None:
    """Add `newbob` to the names of `--scheduler`: ESPnet 202611 has one global table of schedulers."""
    scheduler_classes["newbob"] = NewBob
