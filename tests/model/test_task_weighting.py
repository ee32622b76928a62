"""Weighting of the attributes' losses: gradients against values computed by hand."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from espnet_ext.config.attributes import parse_attributes
from espnet_ext.model.encoder import build_encoder
from espnet_ext.model.task_weighting import build_task_weighting
from espnet_ext.tasks.espnet_model import ESPnetUttModel
from espnet_ext.utils.errors import UserError

NAMES = ("sem", "spk")
Build = Callable[..., ESPnetUttModel]


@pytest.fixture
def batch() -> dict[str, Tensor]:
    torch.manual_seed(1)
    speech = 0.1 * torch.randn(4, 9000)
    targets = {name: nn.functional.normalize(torch.randn(4, dim), dim=-1) for name, dim in (("sem", 8), ("spk", 6))}
    targets["spk"][2] = torch.nan
    return {"speech": speech, "speech_lengths": torch.tensor([9000, 4000, 800, 7001]), **targets}


@pytest.fixture
def build(encoder_config: dict, attributes_block: dict) -> Build:
    def build(**conf: object) -> ESPnetUttModel:
        torch.manual_seed(0)
        attributes = parse_attributes(attributes_block, "test")
        return ESPnetUttModel(build_encoder(encoder_config), attributes, nominal_batch=3, **conf).train()

    return build


def gradients_of(model: ESPnetUttModel, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    model(**batch)[0].backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def test_uncertainty_starts_as_fixed_weights_and_learns_their_logarithms(build: Build, batch: dict) -> None:
    fixed, learned = build(), build(task_weighting="uncertainty")
    expected, found = gradients_of(fixed, batch), gradients_of(learned, batch)
    of_weights = found.pop("task_weighting.log_variances")
    torch.testing.assert_close(found, expected)
    statistics = fixed(**batch)[1]
    # d/ds of weight * count / nominal * (exp(-s) * loss + s / 2) at 0.
    by_hand = [1.0 * 4 / 3 * (0.5 - statistics["loss_sem"]), 0.5 * 3 / 3 * (0.5 - statistics["loss_spk"])]
    torch.testing.assert_close(of_weights, torch.stack(by_hand).squeeze())


def test_uncertainty_converges_to_equal_contributions_of_all_losses() -> None:
    weighting = build_task_weighting("uncertainty", ["a", "b"])
    optimizer = torch.optim.Adam(weighting.parameters(), lr=0.05)
    losses = {"a": torch.tensor(20.0), "b": torch.tensor(0.3)}
    for _ in range(600):
        optimizer.zero_grad()
        sum(weighting.scale_loss(name, loss) for name, loss in losses.items()).backward()
        optimizer.step()
    weights = weighting.statistics()
    assert {name: (weights[f"weight_{name}"] * loss).item() for name, loss in losses.items()} == {
        "a": pytest.approx(0.5, rel=1e-2),
        "b": pytest.approx(0.5, rel=1e-2),
    }


@pytest.mark.parametrize("name", ["fixed", "uncertainty"])
def test_statistics_are_comparable_between_weightings(build: Build, batch: dict, name: str) -> None:
    statistics = build(task_weighting=name)(**batch)[1]
    expected = build()(**batch)[1]
    torch.testing.assert_close({key: statistics[key] for key in expected}, expected)
    assert set(statistics) - set(expected) == ({"weight_sem", "weight_spk"} if name == "uncertainty" else set())


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UserError, match="task_weighting 'pcgrad' is unknown; legal: fixed, uncertainty$"):
        build_task_weighting("pcgrad", NAMES)
