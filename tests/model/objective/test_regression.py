"""Regression losses against a float64 loop; rows without a target and units."""

import pytest
import torch
from torch import nn

from espnet_ext.config.attributes import ObjectiveConfig
from espnet_ext.config.labels import LabelSpace
from espnet_ext.model.objective import AbsObjective, build_objective
from espnet_ext.utils.errors import UserError

AGES = [20.0, 71.0, 34.0, 0.0, 50.0]
PRESENT = [True, True, True, False, True]
SPACE = LabelSpace(kind="number", mean=40.0, std=12.0)


def build(**options: object) -> AbsObjective:
    torch.manual_seed(0)
    return build_objective(ObjectiveConfig(name="regression", options=options), "attribute age", 4, SPACE).double()


@pytest.mark.parametrize("options", [{}, {"delta": 0.3}, {"loss": "mse"}])
def test_matches_a_float64_loop_over_the_rows_with_a_target(options: dict) -> None:
    objective = build(**options)
    embeddings = nn.functional.normalize(torch.randn(5, 4, dtype=torch.float64), dim=-1)
    (weight,), bias = objective.line.weight, objective.line.bias.item()
    total = error = 0.0
    for embedding, age, present in zip(embeddings, AGES, PRESENT, strict=True):
        if present:
            found, expected = (weight @ embedding).item() + bias, (age - 40) / 12
            distance, delta = abs(found - expected), options.get("delta", 1.0)
            if "loss" in options:
                total += distance**2
            else:
                total += distance**2 / 2 if distance <= delta else delta * (distance - delta / 2)
            error += 12 * distance
    ages, present = torch.tensor(AGES, dtype=torch.float64)[:, None], torch.tensor(PRESENT)
    assert objective(embeddings, ages, present).item() == pytest.approx(total / 4)
    measured = objective.measure(embeddings, ages)
    assert (measured * present).sum().item() == pytest.approx(error)
    torch.testing.assert_close(objective.predict(embeddings)[:, 0], 12 * (embeddings @ weight + bias) + 40)


def test_without_any_target_loss_and_gradients_are_zero() -> None:
    objective, embeddings = build(), torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    loss = objective(embeddings, torch.zeros(3, 1).double(), torch.zeros(3) > 0)
    loss.backward()
    assert loss.item() == 0
    assert all((tensor.grad == 0).all() for tensor in (embeddings, *objective.parameters()))


@pytest.mark.parametrize("options", [{"loss": "mae"}, {"delta": 0}])
def test_the_error_names_an_invalid_option(options: dict) -> None:
    with pytest.raises(UserError, match="age: objective regression: needs a loss of huber, mse and delta > 0"):
        build(**options)


def test_a_label_with_one_distinct_number_is_refused() -> None:
    with pytest.raises(UserError, match="age: every training utterance has the same number, 30"):
        build_objective(ObjectiveConfig(name="regression"), "age", 4, LabelSpace(kind="number", mean=30.0, std=0.0))
