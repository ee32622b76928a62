"""Does one attribute hurt another? Gradients of each attribute's loss on the shared encoder."""

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor, nn

from espnet_ext.utt.ranks import sum_over_ranks


def gradient_statistics(losses: dict[str, Tensor], shared: Sequence[nn.Parameter], measured: bool) -> dict[str, Tensor]:
    """Norm of each attribute's gradient on the shared parameters, and the cosine between each two of them.

    A negative cosine means that a step for one attribute undoes part of the other's. The keys are the same
    whether it is measured or not, so that all ranks of a distributed run report the same statistics.

    Args:
        losses: attribute -> scalar loss with a graph; of processes that share a batch, terms of one sum.
        shared: the encoder's trainable parameters.
        measured: False returns NaN for every key, at no cost.

    Returns:
        `gradnorm_<attribute>` and `gradcos_<attribute>_<attribute>`, scalars.
    """
    pairs = list(combinations(losses, 2))
    if not measured:
        missing = next(iter(losses.values())).new_tensor(torch.nan)
        return {f"gradnorm_{name}": missing for name in losses} | {f"gradcos_{a}_{b}": missing for a, b in pairs}
    gradients = {name: _flat_gradient(loss, shared) for name, loss in losses.items()}
    statistics = {f"gradnorm_{name}": gradient.norm() for name, gradient in gradients.items()}
    for first, second in pairs:
        cosine = nn.functional.cosine_similarity(gradients[first], gradients[second], dim=0)
        statistics[f"gradcos_{first}_{second}"] = cosine
    return statistics


def _flat_gradient(loss: Tensor, shared: Sequence[nn.Parameter]) -> Tensor:
    gradients = torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True)
    flat = [torch.zeros_like(p).flatten() if g is None else g.flatten() for g, p in zip(gradients, shared, strict=True)]
    return sum_over_ranks(torch.cat(flat))
