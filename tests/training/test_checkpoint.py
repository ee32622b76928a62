"""Checkpoints survive a crash at any point of their writing."""

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from espnet_ext.training.checkpoint import (
    CHECKPOINT,
    PREVIOUS,
    complete_epoch_files,
    load_newest_readable,
    restore_checkpoint_name,
)
from espnet_ext.training.espnet_patches import atomic_saves
from espnet_ext.utils.errors import UserError


class FakeReporter:
    """The part of ESPnet's reporter that `complete_epoch_files` uses."""

    def __init__(self, epoch: int, best: int) -> None:
        self.epoch, self.best = epoch, best

    def get_epoch(self) -> int:
        return self.epoch

    def has(self, phase: str, key: str) -> bool:
        return (phase, key) == ("valid", "loss")

    def get_best_epoch(self, phase: str, key: str, mode: str) -> int:
        return self.best


def states(epoch: int) -> dict[str, Any]:
    return {"model": {"weight": torch.full((300,), float(epoch))}, "reporter": {"epoch": epoch}}


def write_two(folder: Path) -> Path:
    """Write checkpoints of epochs 1 and 2, as two epochs of training do."""
    with atomic_saves():
        torch.save(states(1), folder / CHECKPOINT)
        torch.save(states(2), folder / CHECKPOINT)
    return folder / CHECKPOINT


def test_saving_keeps_the_predecessor(tmp_path: Path) -> None:
    checkpoint = write_two(tmp_path)
    assert load_newest_readable(checkpoint, "cpu")["reporter"] == {"epoch": 2}
    assert torch.load(tmp_path / PREVIOUS, weights_only=True)["reporter"] == {"epoch": 1}
    assert sorted(os.listdir(tmp_path)) == sorted([CHECKPOINT, PREVIOUS])


def test_other_files_have_no_predecessor(tmp_path: Path) -> None:
    with atomic_saves():
        for epoch in (1, 2):
            torch.save(states(epoch), str(tmp_path / "1epoch.pth"))
    assert os.listdir(tmp_path) == ["1epoch.pth"]
    assert torch.load(tmp_path / "1epoch.pth")["reporter"] == {"epoch": 2}


def test_outside_the_context_torch_saves_as_before() -> None:
    plain = torch.save
    with pytest.raises(KeyError), atomic_saves():
        raise KeyError
    assert torch.save is plain


class Unpicklable:
    def __reduce__(self) -> Any:
        raise OSError(28, "No space left on device")


def test_a_failed_save_leaves_the_old_files_and_no_partial_one(tmp_path: Path) -> None:
    checkpoint = write_two(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}
    with pytest.raises(OSError, match="No space"), atomic_saves():
        torch.save({**states(3), "bad": Unpicklable()}, checkpoint)
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == before


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99])
def test_a_truncated_checkpoint_falls_back_to_its_predecessor(tmp_path: Path, share: float) -> None:
    checkpoint = write_two(tmp_path)
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: int(share * len(content))])
    assert load_newest_readable(checkpoint, "cpu")["reporter"] == {"epoch": 1}


@pytest.mark.parametrize("content", [b"garbage", b"\x80\x02garbage", pickle.dumps(print)])
def test_a_file_that_is_not_a_checkpoint_falls_back_too(tmp_path: Path, content: bytes) -> None:
    checkpoint = write_two(tmp_path)
    checkpoint.write_bytes(content)
    assert load_newest_readable(checkpoint, "cpu")["reporter"] == {"epoch": 1}


def test_two_damaged_checkpoints_give_one_error_line(tmp_path: Path) -> None:
    checkpoint = write_two(tmp_path)
    for name in (CHECKPOINT, PREVIOUS):
        (tmp_path / name).write_bytes(b"garbage")
    with pytest.raises(UserError, match=f"{CHECKPOINT} and its predecessor are damaged: delete .* to train again"):
        load_newest_readable(checkpoint, "cpu")


def test_a_crash_between_the_two_renames_is_undone(tmp_path: Path) -> None:
    checkpoint = write_two(tmp_path)
    newest = checkpoint.read_bytes()
    os.replace(checkpoint, tmp_path / PREVIOUS)
    restore_checkpoint_name(tmp_path)
    assert checkpoint.read_bytes() == newest
    assert os.listdir(tmp_path) == [CHECKPOINT]


def test_complete_and_new_folders_are_not_changed(tmp_path: Path) -> None:
    restore_checkpoint_name(tmp_path)
    assert os.listdir(tmp_path) == []
    checkpoint = write_two(tmp_path)
    newest = checkpoint.read_bytes()
    restore_checkpoint_name(tmp_path)
    assert checkpoint.read_bytes() == newest
    assert (tmp_path / PREVIOUS).exists()


@pytest.mark.parametrize("best", [1, 2])
def test_files_missing_after_a_crash_are_written(tmp_path: Path, best: int) -> None:
    torch.save(states(1)["model"], tmp_path / "1epoch.pth")
    for link in ("latest.pth", "valid.loss.best.pth"):
        (tmp_path / link).symlink_to("1epoch.pth")
    criteria = [("valid", "loss", "min"), ("valid", "acc", "max")]
    complete_epoch_files(tmp_path, states(2), FakeReporter(2, best), criteria)
    assert torch.load(tmp_path / "2epoch.pth")["weight"][0] == 2
    assert os.readlink(tmp_path / "latest.pth") == "2epoch.pth"
    assert os.readlink(tmp_path / "valid.loss.best.pth") == f"{best}epoch.pth"
    assert not (tmp_path / "valid.acc.best.pth").exists()


def test_an_existing_model_of_an_epoch_is_kept(tmp_path: Path) -> None:
    (tmp_path / "2epoch.pth").write_bytes(b"as it was")
    complete_epoch_files(tmp_path, states(2), FakeReporter(2, 2), [])
    assert (tmp_path / "2epoch.pth").read_bytes() == b"as it was"
