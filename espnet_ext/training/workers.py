"""Errors of data loader processes as one line."""

import re
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils.data import get_worker_info

from espnet_ext.utils.errors import UserError

FULL_SHARED_MEMORY = (
    "the shared memory (/dev/shm), which loader processes use for batches, is full: enlarge it (containers: "
    "docker run --shm-size 8g), or set num_workers: 0 (--train_args '--num_workers 0'), and run again: training resumes"
)
WORKER = "DataLoader worker"
# The last line of a traceback: the error's class and message.
LAST_LINE = re.compile(r"\n([\w.]+)(?:: (.*))?\s*\Z")
# Errors of the input or the machine. Others are bugs, which keep their traceback.
OF_THE_INPUT = ("UserError", "OSError", "FileNotFoundError", "PermissionError", "EOFError", "BlockingIOError")


class SharedCollate:
    """Collate a batch in a loader process, and move it to shared memory in the same thread.

    torch moves it in another thread, where an error is only printed and the batch never arrives.

    Args:
        collate: function of a list of examples that returns names and a dict of tensors.
    """

    def __init__(self, collate: Callable[[Any], tuple[list[str], dict[str, Tensor]]]) -> None:
        self.collate = collate

    def __call__(self, examples: Any) -> tuple[list[str], dict[str, Tensor]]:
        """Collate `examples`."""
        names, batch = self.collate(examples)
        if get_worker_info() is not None:
            for tensor in batch.values():
                tensor.share_memory_()
        return names, batch


def loader_error(error: Exception) -> UserError | None:
    """The error of a loader process, as one line, from the error that torch raises.

    Args:
        error: error of a data loader. For an error in a worker, its message is the worker's traceback.

    Returns:
        None for a bug, or an error outside of loader processes.
    """
    text = str(error)
    if "ulimit -n" in text:  # torch's own advice
        return UserError(" ".join(text.split()))
    if WORKER not in text:
        return None
    if "unable to allocate shared memory" in text or "Bus error" in text:
        return UserError(FULL_SHARED_MEMORY)
    if not text.startswith("Caught "):
        reason = text.split(". ", 1)[0]
        return UserError(
            f"{reason}: not enough memory? lower num_workers or batch_bins and run again: training resumes"
        )
    last = LAST_LINE.search(text)
    if last is None or last[1].rpartition(".")[2] not in OF_THE_INPUT:
        return None
    return UserError(last[2] or last[1])
