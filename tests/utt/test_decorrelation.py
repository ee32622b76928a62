"""The penalty on what heads have in common against a float64 loop, and what it is for known cases."""

from itertools import combinations, permutations

import pytest
import torch
from torch import Tensor, nn

from espnet_ext.utt.decorrelation import decorrelation


def unit(*shape: int) -> Tensor:
    return nn.functional.normalize(torch.randn(*shape, dtype=torch.float64), dim=-1)


def product(one: list[list[float]], other: list[list[float]]) -> float:
    """The unbiased estimate as the mean over all fourfold choices of different utterances (Song et al., 2012)."""
    quadruples = list(permutations(range(len(one)), 4))
    terms = [one[i][j] * (other[i][j] + other[q][r] - 2 * other[i][q]) for i, j, q, r in quadruples]
    return sum(terms) / len(quadruples)


def test_matches_the_mean_over_all_quadruples() -> None:
    torch.manual_seed(0)
    embeddings = {"a": unit(7, 5), "b": unit(7, 3), "c": unit(7, 4)}
    kernels = {name: (vectors @ vectors.T).tolist() for name, vectors in embeddings.items()}
    expected = [
        product(kernels[a], kernels[b]) / (product(kernels[a], kernels[a]) * product(kernels[b], kernels[b])) ** 0.5
        for a, b in combinations(kernels, 2)
    ]
    assert decorrelation(embeddings).item() == pytest.approx(sum(expected) / 3)


def test_a_rotation_has_everything_in_common_and_independent_embeddings_nothing_on_average() -> None:
    torch.manual_seed(0)
    vectors = unit(30, 64)
    rotation = torch.linalg.qr(torch.randn(64, 64, dtype=torch.float64)).Q
    assert decorrelation({"a": vectors, "b": vectors @ rotation}).item() == pytest.approx(1.0)
    independent = [decorrelation({"a": unit(30, 64), "b": unit(30, 64)}).item() for _ in range(300)]
    assert abs(sum(independent)) / 300 < 0.02


def test_a_step_against_its_gradient_lowers_it_and_few_utterances_give_zero() -> None:
    torch.manual_seed(0)
    shared = torch.randn(20, 3, dtype=torch.float64)
    mixes = [torch.randn(3 + 5, 6, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    noise = [torch.randn(20, 5, dtype=torch.float64) for _ in range(2)]

    def penalty() -> Tensor:
        frames = [torch.cat([shared, own], dim=1) for own in noise]
        heads = [nn.functional.normalize(f @ mix, dim=1) for f, mix in zip(frames, mixes, strict=True)]
        return decorrelation(dict(zip("ab", heads, strict=True)))

    before = penalty()
    gradients = torch.autograd.grad(before, mixes)
    with torch.no_grad():
        for mix, gradient in zip(mixes, gradients, strict=True):
            mix -= 0.1 * gradient
    assert penalty() < before
    few = unit(3, 4).requires_grad_()
    nothing = decorrelation({"a": few, "b": unit(3, 4)})
    nothing.backward()
    assert nothing.item() == 0 and (few.grad == 0).all()


def test_equal_embeddings_of_all_utterances_have_a_finite_gradient() -> None:
    same = nn.functional.normalize(torch.ones(6, 4), dim=1).requires_grad_()
    decorrelation({"a": same, "b": unit(6, 4).float()}).backward()
    assert same.grad.isfinite().all()
