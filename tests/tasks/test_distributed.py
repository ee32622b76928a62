"""Training on two ranks equals training in one process: parameters, statistics, learning rates."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.training.checkpoint import load_newest_readable
from helpers.training_run import make_dump, start_ranks, trainer, words_of

# The first steps of Adam turn rounding errors into full steps; plain gradient steps do not.
CHANGES = {
    "model_conf": {"nominal_batch": 5, "gradient_interval": 2},
    "optim": "sgd",
    "optim_conf": {"lr": 0.05, "momentum": 0.9},
    "optim2_conf": {"lr": 0.05},
    "scheduler": "newbob",
    "scheduler_conf": {"factor": 0.5, "threshold": 0.9, "patience": 0},
    "max_epoch": 2,
    "num_iters_per_epoch": 4,
    "accum_grad": 2,
    # No batch of one utterance, which would be padded for two processes; parts of unequal size.
    "batch_bins": 72_000,
    "valid_batch_bins": 72_000,
    "sampler_conf": {"alpha": 0.5, "window": 24},
}


@pytest.fixture(scope="module")
def pair(work: Path, tmp_path_factory: pytest.TempPathFactory, attributes_block: dict) -> tuple[Path, Path, list[str]]:
    """Output folders of one process and of two that were stopped and resumed, and the logs of the two.

    The speaker attribute has targets in one utterance of four, so that often a process has none; the semantic
    one compares with the batch and with a queue.
    """
    folder = tmp_path_factory.mktemp("distributed")
    (folder / "encoder").symlink_to(work / "encoder")
    make_dump(folder / "train", 24, seed=6)
    make_dump(folder / "dev", 7, seed=26)
    for name in ("train", "dev"):
        scp = folder / name / "target_spk.scp"
        write_scp(scp, {u: t if int(u[1:]) % 4 == 0 else "None" for u, t in read_scp(scp).items()})
    objectives = [*attributes_block["sem"]["objective"], {"name": "contrastive", "weight": 0.3, "queue_size": 9}]
    block = attributes_block | {"sem": attributes_block["sem"] | {"objective": objectives}}
    (folder / "attributes.yaml").write_text(yaml.safe_dump({"attributes": block}, sort_keys=False))
    with pytest.MonkeyPatch.context() as monkeypatch:
        one = trainer(folder, folder, monkeypatch)(folder / "one", **CHANGES)
    for epochs in (1, 2):
        words = words_of(folder, folder / "two.yaml", folder / "two", CHANGES | {"max_epoch": epochs})
        codes = [process.wait(timeout=1800) for process in start_ranks(2, words, folder)]
        logs = [(folder / f"rank{rank}.log").read_text() for rank in range(2)]
        assert codes == [0, 0], logs
    return one, folder / "two", logs


def test_the_parameters_are_equal_up_to_rounding(pair: tuple[Path, Path, list[str]], work: Path) -> None:
    one, two = (torch.load(folder / "latest.pth", weights_only=True) for folder in pair[:2])
    before = load_file(work / "encoder" / "model.safetensors")
    assert one.keys() == two.keys()
    scale = max(float(tensor.abs().max()) for tensor in one.values() if tensor.is_floating_point())
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-6, atol=1e-6 * scale, msg=name)
    # They have moved much further than rounding errors.
    moved = max(float((one[f"encoder.encoder.{name}"] - tensor).abs().max()) for name, tensor in before.items())
    assert moved > 1e-3 * scale


def test_the_statistics_are_equal_up_to_rounding(pair: tuple[Path, Path, list[str]]) -> None:
    one, two = (pd.read_csv(folder / "curves.tsv", sep="\t") for folder in pair[:2])
    columns = ["epoch", "split", "key"]
    pd.testing.assert_frame_equal(one[columns], two[columns])
    assert {"gradnorm_spk", "gradcos_sem_spk", "cos_spk", "loss_spk", "loss"} <= set(one["key"])
    np.testing.assert_allclose(two["value"], one["value"], rtol=1e-5, atol=1e-6)


def test_the_learning_rates_follow_the_same_schedule(pair: tuple[Path, Path, list[str]]) -> None:
    for folder in pair[:2]:
        states = load_newest_readable(folder / "checkpoint.pth", "cpu")
        assert [state["param_groups"][0]["lr"] for state in states["optimizers"]] == [0.025, 0.05]


def test_only_one_process_writes_and_prints(pair: tuple[Path, Path, list[str]]) -> None:
    one, two, logs = pair
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in two.iterdir())
    assert "epoch 2/2, batch 4/4" in logs[0]
    assert "epoch 2/2" not in logs[1]
    assert json.loads((two / "layer_weights.json").read_text()).keys() == {"sem", "spk"}
