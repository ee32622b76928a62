"""Gradient statistics against separate backward passes."""

import math

import torch
from torch import nn

from espnet_ext.model.statistics import gradient_statistics


def losses_of(layer: nn.Linear, unused: nn.Parameter) -> dict[str, torch.Tensor]:
    """Three attributes; `c` uses only parameters that the others use."""
    torch.manual_seed(1)
    output = layer(torch.randn(5, 4))
    return {"a": output.square().mean(), "b": (output - 1).abs().sum(), "c": output.sum() + 0 * unused.sum()}


def test_norms_and_cosines_match_separate_backward_passes() -> None:
    torch.manual_seed(0)
    layer, unused = nn.Linear(4, 3), nn.Parameter(torch.ones(2))
    shared = [*layer.parameters(), unused]
    statistics = gradient_statistics(losses_of(layer, unused), shared, measured=True)
    gradients = {}
    for name in "abc":
        layer.zero_grad()
        losses_of(layer, unused)[name].backward()
        gradients[name] = [v for p in layer.parameters() for v in p.grad.double().flatten().tolist()]
    for name, values in gradients.items():
        assert math.isclose(statistics[f"gradnorm_{name}"], math.hypot(*values), rel_tol=1e-5)
    for one, other in ("ab", "ac", "bc"):
        product = sum(x * y for x, y in zip(gradients[one], gradients[other], strict=True))
        expected = product / math.hypot(*gradients[one]) / math.hypot(*gradients[other])
        assert math.isclose(statistics[f"gradcos_{one}_{other}"], expected, rel_tol=1e-5)


def test_the_losses_can_be_backpropagated_after_the_measurement() -> None:
    layer, unused = nn.Linear(4, 3), nn.Parameter(torch.ones(2))
    losses = losses_of(layer, unused)
    gradient_statistics(losses, list(layer.parameters()), measured=True)
    assert layer.weight.grad is None
    sum(losses.values()).backward()
    assert layer.weight.grad is not None


def test_the_keys_are_the_same_on_steps_without_measurement() -> None:
    layer, unused = nn.Linear(4, 3), nn.Parameter(torch.ones(2))
    losses = losses_of(layer, unused)
    measured, not_measured = (gradient_statistics(losses, list(layer.parameters()), m) for m in (True, False))
    assert list(measured) == list(not_measured)
    assert all(value.isnan() for value in not_measured.values())
