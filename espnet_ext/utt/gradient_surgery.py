"""Gradients that are computed in the forward pass and handed to whoever calls backward."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from espnet_ext.utt.ranks import num_ranks, sum_over_ranks


def operated_gradients(
    tasks: Sequence[Tensor], shared: Sequence[nn.Parameter], own: Sequence[nn.Parameter], seed: int
) -> list[Tensor]:
    """PCGrad of several tasks on what they share, and the sum of their gradients on the rest.

    The tasks' graph is freed.

    Args:
        tasks: scalars with a graph.
        shared: parameters that all tasks share.
        own: the others.
        seed: of the order in which a task's gradient meets the others'; the same in all processes.

    Returns:
        Gradients of `shared` and `own`, such that their mean over the processes is that of the whole batch.
    """
    flat: list[Tensor] = []
    rest = [torch.zeros_like(parameter) for parameter in own]
    for index, task in enumerate(tasks):
        found = torch.autograd.grad(
            task, [*shared, *own], retain_graph=index + 1 < len(tasks), allow_unused=True, materialize_grads=True
        )
        flat.append(sum_over_ranks(torch.cat([gradient.flatten() for gradient in found[: len(shared)]])))
        rest = [total + gradient for total, gradient in zip(rest, found[len(shared) :], strict=True)]
    combined = _pcgrad(flat, seed).split([parameter.numel() for parameter in shared])
    of_shared = [part.view_as(parameter) for part, parameter in zip(combined, shared, strict=True)]
    return [*of_shared, *(num_ranks() * gradient for gradient in rest)]


def _pcgrad(gradients: Sequence[Tensor], seed: int) -> Tensor:
    """(parameters,) of a gradient (parameters,) for each task."""
    # Imported late: no other way of weighting needs the package.
    from torchjd.aggregation import PCGradWeighting

    # The result is a weighted sum of the gradients, and the weights follow from their products.
    products = torch.stack([torch.stack([one @ other for other in gradients]) for one in gradients])
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        weights = PCGradWeighting()(products).unbind()
    return sum(weight * gradient for weight, gradient in zip(weights, gradients, strict=True))


def with_gradients(value: Tensor, parameters: Sequence[nn.Parameter], gradients: Sequence[Tensor]) -> Tensor:
    """A scalar of this value whose gradient with regard to `parameters` is `gradients`, whatever made the value.

    It reaches the parameters as any gradient does: scaled by what the scalar is multiplied with, seen by the hooks of
    DistributedDataParallel, added to what is there.
    """
    return _GivenGradient.apply(value, list(gradients), *parameters)


class _GivenGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, gradients: list[Tensor], *parameters: nn.Parameter) -> Tensor:
        ctx.gradients = gradients
        return value.clone()

    @staticmethod
    def backward(ctx: Any, of_value: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, *(of_value * gradient for gradient in ctx.gradients)
