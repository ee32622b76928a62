"""Embeddings that can be cut: along which axes, and what the objective compares."""

import numpy as np
import pytest
import torch
from torch import nn

from espnet_ext.config.attributes import HeadConfig
from espnet_ext.errors import UserError
from espnet_ext.utt.head.attribute_head import AttributeHead
from espnet_ext.utt.head.matryoshka import Matryoshka, main_axes
from espnet_ext.utt.objective.contrastive import ContrastiveObjective
from espnet_ext.utt.objective.cosine import CosineObjective


def unit_rows(count: int, dim: int) -> torch.Tensor:
    return nn.functional.normalize(torch.randn(count, dim), dim=1)


def test_main_axes_are_the_leading_singular_vectors() -> None:
    torch.manual_seed(0)
    targets = unit_rows(50, 8) * torch.tensor([1.0, 5, 2, 1, 7, 3, 1, 1])
    axes = main_axes(targets, 3)
    assert axes.dtype is torch.float32
    expected = np.linalg.svd(targets.double().numpy())[2][:3]
    np.testing.assert_allclose(np.abs((axes.numpy() * expected).sum(axis=1)), 1, atol=1e-5)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-6)
    assert (axes.gather(1, axes.abs().argmax(dim=1, keepdim=True)) > 0).all()


def test_no_axes_of_that_number_keep_more_of_the_targets_cosines() -> None:
    torch.manual_seed(0)
    targets = unit_rows(60, 10) @ torch.randn(10, 10)
    gram = targets @ targets.T

    def lost(axes: torch.Tensor) -> float:
        cut = targets @ axes.T
        return float((gram - cut @ cut.T).square().sum())

    best = lost(main_axes(targets, 4))
    assert best < lost(torch.eye(4, 10))
    for _ in range(20):
        assert best < lost(torch.linalg.qr(torch.randn(10, 4)).Q.T)


def test_without_other_axes_the_first_entries_stay() -> None:
    torch.manual_seed(0)
    vectors = unit_rows(5, 8)
    expected = vectors[:, :3] / vectors[:, :3].norm(dim=1, keepdim=True)
    torch.testing.assert_close(Matryoshka([2, 3], 8)(vectors, 3), expected)


@pytest.mark.parametrize("objective", [CosineObjective(), ContrastiveObjective()])
def test_a_student_that_equals_its_teacher_equals_it_at_every_size(objective: nn.Module) -> None:
    torch.manual_seed(0)
    head = AttributeHead(HeadConfig(dim=8, hidden_dim=8, matryoshka=[2, 4]), 3, 6)
    targets, present = unit_rows(20, 8), torch.ones(20, dtype=torch.bool)
    head.matryoshka.axes.copy_(main_axes(targets, 4))
    embeddings = targets.clone().requires_grad_()
    cuts = head.cuts(embeddings, targets)
    assert [cut[0].shape[1] for cut in cuts] == [8, 2, 4]
    for cut in cuts:
        torch.testing.assert_close(*cut)
        if isinstance(objective, CosineObjective):
            loss = objective(*cut, present)
            assert loss.item() == pytest.approx(0, abs=1e-6)
            (gradient,) = torch.autograd.grad(loss, embeddings, retain_graph=True)
            # What is left points along the embedding, whose length is fixed.
            along = (gradient * targets).sum(dim=1, keepdim=True) * targets
            torch.testing.assert_close(gradient, along, atol=1e-6, rtol=0)


def test_labels_are_not_cut() -> None:
    head = AttributeHead(HeadConfig(dim=8, hidden_dim=8, matryoshka=[4]), 3, 6)
    labels = torch.arange(5.0)[:, None]
    cuts = head.cuts(unit_rows(5, 8), labels)
    assert [embeddings.shape[1] for embeddings, _ in cuts] == [8, 4]
    assert all(targets is labels for _, targets in cuts)


def test_a_bank_is_compared_with_at_the_size_of_the_cut() -> None:
    torch.manual_seed(0)
    matryoshka = Matryoshka([3], 8)
    objective = ContrastiveObjective(same_above=0.99, bank_size=9)
    bank, embeddings, targets = unit_rows(9, 8), unit_rows(4, 8), unit_rows(4, 8)
    objective.bank = bank
    objective.register_buffer("bank_3", matryoshka(bank, 3), persistent=False)
    small = ContrastiveObjective(same_above=0.99, bank_size=9)
    small.bank = matryoshka(bank, 3)
    cut = matryoshka(embeddings, 3), matryoshka(targets, 3), torch.ones(4, dtype=torch.bool)
    torch.testing.assert_close(objective(*cut), small(*cut))


@pytest.mark.parametrize("sizes", [[0, 4], [4, 2], [4, 4], [8], [16]])
def test_sizes_that_are_none_are_refused(sizes: list[int]) -> None:
    with pytest.raises(UserError, match=r"head: matryoshka must list rising sizes from 1 to 7, below dim; found \["):
        AttributeHead(HeadConfig(dim=8, hidden_dim=8, matryoshka=sizes), 3, 6)


def test_a_head_without_sizes_has_no_axes() -> None:
    names = AttributeHead(HeadConfig(dim=8, hidden_dim=8), 3, 6).state_dict()
    assert not [name for name in names if "matryoshka" in name]
