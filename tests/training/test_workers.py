"""Errors that end a loader process end the training with one line."""

import pytest
import torch
from torch.utils.data import DataLoader

from espnet_ext.training.workers import FULL_SHARED_MEMORY, SharedCollate, loader_error
from espnet_ext.utils.errors import UserError


class Examples:
    """A dataset of one number each; the fourth cannot be read."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> float:
        if index == 3 and self.error is not None:
            raise self.error
        return float(index)


def collate(examples: list[float]) -> tuple[list[str], dict[str, torch.Tensor]]:
    return [str(value) for value in examples], {"speech": torch.tensor(examples)}


def load(error: Exception | None, num_workers: int) -> list[list[float]]:
    loader = DataLoader(Examples(error), batch_size=2, num_workers=num_workers, collate_fn=SharedCollate(collate))
    return [batch["speech"].tolist() for _, batch in loader]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_batches_are_the_same_with_and_without_processes(num_workers: int) -> None:
    assert load(None, num_workers) == [[0.0, 1.0], [2.0, 3.0]]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UserError("a.ark:5: cut; run stage 2 again"), "a.ark:5: cut; run stage 2 again"),
        (FileNotFoundError(2, "No such file", "a.ark"), "[Errno 2] No such file: 'a.ark'"),
        (EOFError(), "EOFError"),
    ],
)
def test_an_input_error_is_raised_without_a_worker_traceback(error: Exception, message: str) -> None:
    with pytest.raises(type(error)) as caught:
        load(error, num_workers=1)
    assert str(loader_error(caught.value)) == message


def test_an_error_of_the_program_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError, match="Traceback") as caught:
        load(ZeroDivisionError("division by zero"), num_workers=1)
    assert loader_error(caught.value) is None
    assert loader_error(ValueError("Caught by nobody")) is None


def test_full_shared_memory_ends_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a thread of the loader process, the error would be printed and training would wait for the batch forever."""

    def full(self: torch.Tensor) -> None:
        raise RuntimeError("unable to allocate shared memory(shm) for file </torch_1>: No space left on device (28)")

    monkeypatch.setattr(torch.Tensor, "share_memory_", full)
    with pytest.raises(RuntimeError) as caught:
        load(None, num_workers=1)
    assert str(loader_error(caught.value)) == FULL_SHARED_MEMORY


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("DataLoader worker (pid 7) is killed by signal: Bus error. It is possible ...", "shared memory .* is full"),
        ("DataLoader worker (pid 7) is killed by signal: Killed. ", "signal: Killed: not enough memory.*num_workers"),
        ("DataLoader worker (pid(s) 7, 8) exited unexpectedly", r"\(pid\(s\) 7, 8\) exited unexpectedly: not enough"),
        ("Too many open files.\nPlease increase the limit using `ulimit -n` in the shell", "files. Please increase"),
    ],
)
def test_a_killed_process_gives_one_error_line(text: str, message: str) -> None:
    reason = loader_error(RuntimeError(text))
    assert "\n" not in str(reason)
    with pytest.raises(UserError, match=message):
        raise reason
