"""Runtime options of teachers: device, weights folder and memory."""

from pathlib import Path

import pytest
import torch

from espnet_ext.teachers.runtime import Runtime, teacher_inference
from espnet_ext.utils.errors import UserError


def test_the_cpu_has_no_gpus_to_distribute() -> None:
    assert Runtime("cpu").num_gpus() == 0
    assert Runtime("cpu").torch_device() == torch.device("cpu")


def test_a_device_number_selects_one_gpu_and_cuda_selects_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Runtime, "torch_device", lambda self: torch.device(self.device))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    assert Runtime("cuda:3").num_gpus() == 1
    assert Runtime("cuda").num_gpus() == 8


def test_a_missing_device_gives_one_error_line() -> None:
    with pytest.raises(UserError, match="--device warp9: not usable here .*; leave it out, or give cpu"):
        Runtime("warp9").torch_device()


def test_a_missing_weights_folder_gives_one_error_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--teacher_dir .*nosuch: no such folder; leave it out"):
        Runtime("cpu", tmp_path / "nosuch")


def test_a_batch_that_does_not_fit_into_memory_gives_one_error_line() -> None:
    told = pytest.raises(UserError, match="out of memory on cpu, .*: end other programs")
    with told, teacher_inference(torch.device("cpu")):
        raise torch.OutOfMemoryError("CUDA out of memory.")


def test_inference_has_no_graph_keeps_float32_exact_and_restores_settings() -> None:
    layer = torch.nn.Linear(8, 8)
    before = torch.backends.cudnn.allow_tf32
    with teacher_inference(torch.device("cpu")):
        assert not torch.backends.cudnn.allow_tf32
        output = layer(torch.ones(1, 8))
        assert output.dtype is torch.float32 and not output.requires_grad
    with teacher_inference(torch.device("cpu"), "bfloat16"):
        assert layer(torch.ones(1, 8)).dtype is torch.bfloat16
    assert torch.backends.cudnn.allow_tf32 == before
    assert layer(torch.ones(1, 8)).requires_grad
