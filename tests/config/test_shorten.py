"""A shortened training has a fraction of the steps, and its schedules end with it."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from espnet_ext.bin import shorten_training
from espnet_ext.config.shorten import shorten
from espnet_ext.errors import UserError

CONFIGS = sorted((Path(__file__).resolve().parents[2] / "egs").glob("*/conf/train*.yaml"))


def config(epochs: int, batches: int, **changes: Any) -> dict[str, Any]:
    return {"max_epoch": epochs, "num_iters_per_epoch": batches, "batch_bins": 960_000} | changes


@pytest.mark.parametrize(
    ("options", "epochs", "batches"),
    [
        (config(20, 100), 2, 100),
        (config(15, 100), 2, 75),
        (config(5, 56), 1, 28),
        (config(1, 1), 1, 1),
        (config(2, 60), 1, 12),
        (config(10, 64, accum_grad=8), 1, 64),
        (config(1, 64, accum_grad=8), 1, 8),
    ],
)
def test_a_tenth_of_the_batches(options: dict[str, Any], epochs: int, batches: int) -> None:
    shortened = shorten(options, 0.1)
    assert (shortened["max_epoch"], shortened["num_iters_per_epoch"]) == (epochs, batches)
    assert shortened["batch_bins"] == 960_000


def test_schedules_end_with_the_training() -> None:
    one_cycle = {"max_lr": 0.002, "total_steps": 200, "pct_start": 0.05}
    options = config(10, 40, accum_grad=2, scheduler_conf=one_cycle, scheduler2_conf={"warmup_steps": 25})
    shortened = shorten(options, 0.1)
    assert shortened["scheduler_conf"] == {"max_lr": 0.002, "total_steps": 20, "pct_start": 0.1}
    assert shortened["scheduler2_conf"] == {"warmup_steps": 2}
    assert one_cycle["total_steps"] == 200


def test_a_long_rise_stays_as_it_is() -> None:
    options = config(10, 100, scheduler_conf={"total_steps": 1000, "pct_start": 0.3})
    assert shorten(options, 0.1)["scheduler_conf"] == {"total_steps": 100, "pct_start": 0.3}


@pytest.mark.parametrize("steps", range(1, 31))
def test_a_schedule_of_few_steps_ends_low(steps: int) -> None:
    conf = {"max_lr": 0.002, "total_steps": 10 * steps, "pct_start": 0.05, "anneal_strategy": "linear"}
    conf = shorten(config(1, 10 * steps, scheduler_conf=conf), 0.1)["scheduler_conf"]
    assert learning_rates(conf, steps)[-1] < 1e-6


def learning_rates(conf: dict[str, Any], steps: int) -> list[float]:
    """Learning rate of every step of a one-cycle schedule."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, **{"cycle_momentum": False} | conf)
    rates = [schedule.get_last_lr()[0]]
    for _ in range(steps - 1):
        optimizer.step()
        schedule.step()
        rates.append(schedule.get_last_lr()[0])
    return rates


@pytest.mark.parametrize("path", CONFIGS, ids=[f"{path.parts[-3]}/{path.name}" for path in CONFIGS])
def test_every_recipe_can_be_shortened(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "new folder" / "short.yaml"
    words = ["--config", str(path), "--fraction", "0.1", "--out", str(out)]
    monkeypatch.setattr("sys.argv", ["shorten_training", *words])
    shorten_training.main()
    whole, short = yaml.safe_load(path.read_text()), yaml.safe_load(out.read_text())
    steps = short["max_epoch"] * short["num_iters_per_epoch"]
    assert steps == pytest.approx(whole["max_epoch"] * whole["num_iters_per_epoch"] / 10, rel=0.1)
    assert short.keys() == whole.keys()
    if short.get("scheduler") == "onecyclelr":
        rates = learning_rates(short["scheduler_conf"], steps // short.get("accum_grad", 1))
        assert max(rates) == pytest.approx(short["scheduler_conf"]["max_lr"], rel=0.05)
        assert rates[-1] < 0.001 * max(rates)


def test_a_training_without_a_length_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train.yaml").write_text("max_epoch: 3\n")
    words = ["--config", str(tmp_path / "train.yaml"), "--fraction", "0.1", "--out", str(tmp_path / "out.yaml")]
    monkeypatch.setattr("sys.argv", ["shorten_training", *words])
    with pytest.raises(UserError, match="train.yaml: num_iters_per_epoch must be a whole number of at least 1"):
        shorten_training.main()
    assert not (tmp_path / "out.yaml").exists()
