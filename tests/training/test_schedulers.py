"""New-bob annealing against its rule written out in float64."""

import numpy as np
import pytest
import torch

from espnet_ext.training.schedulers import NewBob

LR = 1.5


def naive_rates(losses: np.ndarray, factor: float, threshold: float, patience: int) -> list[float]:
    """Learning rate after each epoch, annealed at every (patience + 1)-th epoch with too little improvement."""
    rates, rate, bad = [], np.float64(LR), 0
    for epoch, loss in enumerate(losses.astype(np.float64)):
        last = losses[epoch - 1]
        improvement = 0.0 if last == 0 else (last - loss) / last
        if epoch > 0 and improvement < threshold:
            bad += 1
            if bad == patience + 1:
                rate, bad = rate * factor, 0
        rates.append(float(rate))
    return rates


def rates_of(losses: np.ndarray, **options: float) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)
    scheduler = NewBob(optimizer, **options)
    rates = []
    for loss in losses.tolist():
        scheduler.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("factor", "patience"), [(0.5, 2), (0.9, 0), (0.5, 1)])
def test_the_rates_follow_the_rule(seed: int, factor: float, patience: int) -> None:
    random = np.random.default_rng(seed)
    losses = 50 * np.cumprod(1 + random.normal(-0.003, 0.01, size=60))
    losses[20] = losses[21] = 0.0
    found = rates_of(losses, factor=factor, threshold=0.0025, patience=patience)
    np.testing.assert_array_equal(found, naive_rates(losses, factor, 0.0025, patience))
    assert found[-1] < LR


def test_improvement_is_over_the_last_epoch_and_does_not_reset_patience() -> None:
    # Worse, much better than that but no better than the best, worse: the second bad epoch anneals.
    assert rates_of(np.array([10.0, 20.0, 11.0, 12.0]), factor=0.5, patience=1) == [LR, LR, LR, LR / 2]


def test_every_group_is_annealed_and_a_resumed_run_continues() -> None:
    losses = np.array([10.0, 10.0, 10.0, 10.0, 9.0, 9.0, 9.0])
    expected = rates_of(losses, factor=0.5, patience=1)
    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizer = torch.optim.SGD([{"params": [parameters[0]]}, {"params": [parameters[1]], "lr": 2 * LR}], lr=LR)
    scheduler = NewBob(optimizer, factor=0.5, patience=1)
    for loss in losses[:3]:
        scheduler.step(loss)
    resumed = NewBob(optimizer, factor=0.5, patience=1)
    resumed.load_state_dict(scheduler.state_dict())
    for loss in losses[3:]:
        resumed.step(loss)
    assert [group["lr"] for group in optimizer.param_groups] == [expected[-1], 2 * expected[-1]]
    assert expected[-1] == LR / 4
