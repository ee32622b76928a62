"""One-cycle schedules end with the training, whatever its length."""

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import torch

from espnet_ext.training.checkpoint import CHECKPOINT, refuse_other_config
from espnet_ext.training.schedulers import set_total_steps
from espnet_ext.utils.errors import UserError


def options(**changes: Any) -> Namespace:
    """Options of a training of 20 steps with one scheduler."""
    values = {"config": "train.yaml", "max_epoch": 5, "num_iters_per_epoch": 8, "accum_grad": 2}
    values |= {"scheduler": "onecyclelr", "scheduler_conf": {"max_lr": 0.002}, "scheduler2": None}
    return Namespace(**values | {"scheduler2_conf": {}} | changes)


def test_the_number_of_steps_is_computed() -> None:
    conf = {"max_lr": 0.002, "pct_start": 0.25}
    args = options(scheduler_conf=conf, scheduler2="onecyclelr", scheduler2_conf={"max_lr": 1.0})
    set_total_steps(args)
    assert args.scheduler_conf == {"max_lr": 0.002, "pct_start": 0.25, "total_steps": 20}
    assert args.scheduler2_conf == {"max_lr": 1.0, "total_steps": 20}
    assert "total_steps" not in conf


def test_other_schedulers_are_not_changed() -> None:
    args = options(scheduler="warmuplr", scheduler_conf={"warmup_steps": 3})
    set_total_steps(args)
    assert (args.scheduler_conf, args.scheduler2_conf) == ({"warmup_steps": 3}, {})


def test_the_correct_number_in_a_config_is_accepted() -> None:
    args = options(scheduler_conf={"max_lr": 1.0, "total_steps": 20})
    set_total_steps(args)
    assert args.scheduler_conf == {"max_lr": 1.0, "total_steps": 20}


@pytest.mark.parametrize("given", [{"total_steps": 21}, {"total_steps": 0}, {"epochs": 5, "steps_per_epoch": 4}])
def test_another_number_is_refused(given: dict[str, int]) -> None:
    with pytest.raises(UserError, match=f"train.yaml: scheduler_conf: leave out {', '.join(given)}.* = 20 steps"):
        set_total_steps(options(scheduler_conf=given))


@pytest.mark.parametrize("steps", range(1, 41))
def test_a_schedule_of_few_steps_rises_and_ends_with_a_low_rate(steps: int) -> None:
    conf = {"max_lr": 0.002, "pct_start": 0.05, "anneal_strategy": "linear", "cycle_momentum": False}
    args = options(max_epoch=1, num_iters_per_epoch=steps, accum_grad=1, scheduler_conf=conf)
    set_total_steps(args)
    rates = learning_rates(args.scheduler_conf, steps)
    assert rates[-1] < 1e-6
    assert steps < 5 or max(rates) == pytest.approx(0.002)


def learning_rates(conf: dict[str, Any], steps: int) -> list[float]:
    """Learning rate of every step of a one-cycle schedule."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, **conf)
    rates = [schedule.get_last_lr()[0]]
    for _ in range(steps - 1):
        optimizer.step()
        schedule.step()
        rates.append(schedule.get_last_lr()[0])
    return rates


def test_a_finished_schedule_does_not_continue(tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).touch()
    (tmp_path / "config.yaml").write_text("scheduler: onecyclelr\nscheduler_conf: {max_lr: 0.002, total_steps: 20}\n")
    same = {"attribute_names": None, "add_to": None, "encoder_conf": None, "optim": None, "optim_conf": None}
    same |= {"optim2": None, "optim2_conf": None, "output_dir": str(tmp_path), "resume": True}
    args = options(max_epoch=10, **same)
    set_total_steps(args)
    message = "a onecyclelr schedule of 20 steps cannot continue to 40: .* give --overwrite, .* give --tag"
    with pytest.raises(UserError, match=message):
        refuse_other_config(args)
