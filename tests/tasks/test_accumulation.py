"""Accumulated batches are equivalent to one large batch."""

from pathlib import Path

import pytest
import torch
import yaml

from helpers.training_run import make_dump, trainer

CHANGES = {
    # With one window of all utterances, both runs draw the same utterances in an epoch.
    "sampler_conf": {"window": 16},
    "valid_batch_bins": 100_000,
    "optim": "sgd",
    "optim_conf": {"lr": 0.02},
    "optim2_conf": {"lr": 0.02},
    "scheduler": None,
    "scheduler_conf": {},
}


def test_accumulated_batches_equal_one_large_batch(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attributes_block: dict
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "encoder").symlink_to(work / "encoder")
    (folder / "dev").symlink_to(work / "dev")
    make_dump(folder / "train", 16, seed=0)
    # Negatives from a queue: smaller batches would have fewer negatives.
    terms = [{"name": "cosine"}, {"name": "contrastive", "weight": 0.2, "queue_size": 9}]
    block = attributes_block | {"sem": attributes_block["sem"] | {"objective": terms}}
    (folder / "attributes.yaml").write_text(yaml.safe_dump({"attributes": block}, sort_keys=False))
    run = trainer(folder, tmp_path, monkeypatch)
    whole = {"num_iters_per_epoch": 1, "batch_bins": 300_000, "model_conf": {"nominal_batch": 16}}
    parts = {"num_iters_per_epoch": 2, "batch_bins": 150_000, "model_conf": {"nominal_batch": 8}, "accum_grad": 2}
    one = torch.load(run(tmp_path / "one", **CHANGES | whole) / "latest.pth", weights_only=True)
    two = torch.load(run(tmp_path / "two", **CHANGES | parts) / "latest.pth", weights_only=True)
    scale = max(float(tensor.abs().max()) for tensor in one.values() if tensor.is_floating_point())
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-6, atol=1e-6 * scale, msg=name)
