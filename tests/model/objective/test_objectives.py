"""Objectives on teacher targets against float64 loops over the rows with a target."""

import math

import pytest
import torch
from torch import Tensor, nn

from espnet_ext.config.attributes import ObjectiveConfig
from espnet_ext.model.objective import build_objective
from espnet_ext.model.objective.abs_objective import mean_over
from espnet_ext.utils.errors import UserError

TEMPERATURE, SAME_ABOVE, SCALE = 0.1, 0.8, 50.0
OPTIONS = {
    "cosine": {"scale": SCALE},
    "contrastive": {"temperature": TEMPERATURE, "same_above": SAME_ABOVE},
}


def unit(*shape: int) -> Tensor:
    return nn.functional.normalize(torch.randn(*shape), dim=-1)


def dot(one: Tensor, other: Tensor) -> float:
    return float(one.double() @ other.double())


def cosine_loop(embeddings: Tensor, targets: Tensor, rows: list[int]) -> float:
    return sum(SCALE * (1 - dot(embeddings[row], targets[row])) for row in rows) / len(rows)


def contrastive_loop(embeddings: Tensor, targets: Tensor, rows: list[int]) -> float:
    total = 0.0
    for row in rows:
        others = [j for j in rows if j != row and dot(targets[row], targets[j]) <= SAME_ABOVE]
        exponentials = [math.exp(dot(embeddings[row], targets[j]) / TEMPERATURE) for j in [row, *others]]
        total -= math.log(exponentials[0] / sum(exponentials))
    return total / len(rows)


LOOPS = {"cosine": cosine_loop, "contrastive": contrastive_loop}


@pytest.mark.parametrize("rows", [[0, 1, 2, 3, 4, 5], [0, 2, 5], [3]])
@pytest.mark.parametrize("name", sorted(LOOPS))
def test_matches_a_float64_loop_over_the_rows_with_a_target(name: str, rows: list[int]) -> None:
    torch.manual_seed(0)
    embeddings, targets = unit(6, 8), unit(6, 8)
    targets[2] = targets[0]  # a second recording of one sentence
    present = torch.zeros(6, dtype=torch.bool)
    present[rows] = True
    objective = build_objective(ObjectiveConfig(name=name, options=OPTIONS[name]), "test")
    found = objective(embeddings, targets.masked_fill(~present[:, None], 0.0), present)
    assert found.item() == pytest.approx(LOOPS[name](embeddings, targets, rows), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", sorted(LOOPS))
def test_without_any_target_loss_and_gradient_are_zero(name: str) -> None:
    embeddings = unit(4, 8).requires_grad_()
    objective = build_objective(ObjectiveConfig(name=name, options=OPTIONS[name]), "test")
    loss = objective(embeddings, torch.zeros(4, 8), torch.zeros(4, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert (embeddings.grad == 0).all()


@pytest.mark.parametrize("name", sorted(LOOPS))
def test_only_rows_with_a_target_get_a_gradient(name: str) -> None:
    torch.manual_seed(0)
    embeddings, present = unit(4, 8).requires_grad_(), torch.tensor([True, False, True, False])
    targets = unit(4, 8).masked_fill(~present[:, None], 0.0)
    build_objective(ObjectiveConfig(name=name, options=OPTIONS[name]), "test")(embeddings, targets, present).backward()
    assert ((embeddings.grad != 0).any(dim=1) == present).all()


def test_one_row_has_no_negatives_and_no_contrastive_loss() -> None:
    objective = build_objective(ObjectiveConfig(name="contrastive"), "test")
    assert objective(unit(1, 8), unit(1, 8), torch.ones(1, dtype=torch.bool)).item() == pytest.approx(0, abs=1e-6)


def test_with_a_queue_its_entries_are_the_negatives() -> None:
    torch.manual_seed(0)
    embeddings, targets, queue = unit(5, 8), unit(5, 8), unit(40, 8)
    queue[3] = targets[2]
    present = torch.tensor([True, True, True, False, True])
    options = {**OPTIONS["contrastive"], "queue_size": 40}
    objective = build_objective(ObjectiveConfig(name="contrastive", options=options), "test")
    objective.queue = queue
    total = 0.0
    for row in (0, 1, 2, 4):
        others = [other for other in queue if dot(targets[row], other) <= SAME_ABOVE]
        exponentials = [math.exp(dot(embeddings[row], t) / TEMPERATURE) for t in [targets[row], *others]]
        total -= math.log(exponentials[0] / sum(exponentials))
    found = objective(embeddings, targets.masked_fill(~present[:, None], 0.0), present)
    assert found.item() == pytest.approx(total / 4, rel=1e-5)


@pytest.mark.parametrize("queue_size", [0, 6])
def test_translations_of_the_sentence_are_not_negatives_even_if_their_targets_differ(queue_size: int) -> None:
    torch.manual_seed(0)
    embeddings, targets = unit(6, 8), unit(6, 8)
    sentences = torch.tensor([[5], [5], [-1], [-1], [7], [5]])
    options = {**OPTIONS["contrastive"], "queue_size": queue_size}
    objective = build_objective(ObjectiveConfig(name="contrastive", options=options), "test")
    if queue_size:
        objective.queue, objective.queue_sentences = targets, sentences
    total = 0.0
    for row in range(6):
        same = [0, 1, 5] if row in (0, 1, 5) else [row]
        exponentials = [math.exp(dot(embeddings[row], targets[j]) / TEMPERATURE) for j in range(6) if j not in same]
        own = math.exp(dot(embeddings[row], targets[row]) / TEMPERATURE)
        total -= math.log(own / (own + sum(exponentials)))
    assert max(dot(targets[0], targets[j]) for j in range(1, 6)) < SAME_ABOVE
    found = objective(embeddings, targets, torch.ones(6, dtype=torch.bool), sentences)
    assert found.item() == pytest.approx(total / 6, rel=1e-5)


def test_a_queue_is_not_saved_with_the_model() -> None:
    objective = build_objective(ObjectiveConfig(name="contrastive", options={"queue_size": 4}), "test")
    objective.queue = unit(4, 8)
    assert not objective.state_dict()


def test_the_target_of_a_row_is_never_its_negative() -> None:
    with pytest.raises(UserError, match="needs temperature > 0 and same_above < 1, found 0.05 and 1.0"):
        build_objective(ObjectiveConfig(name="contrastive", options={"same_above": 1.0}), "test")


def test_the_mean_of_an_empty_mask_is_zero_and_ignores_nan() -> None:
    nan = torch.tensor([float("nan"), 4.0, 2.0])
    assert mean_over(nan, torch.tensor([False, True, True])).item() == 3.0
    assert mean_over(nan, torch.zeros(3, dtype=torch.bool)).item() == 0.0


def test_unknown_names_and_options_are_refused() -> None:
    with pytest.raises(UserError, match="attribute x: objective 'cosin' is unknown; legal: aam_softmax, contrastive"):
        build_objective(ObjectiveConfig(name="cosin"), "attribute x")
    for name, option in (("cosine", "scale"), ("contrastive", "temperature"), ("contrastive", "queue_size")):
        with pytest.raises(UserError, match=f"attribute x: objective {name}: .*{option}.* found -0.5"):
            build_objective(ObjectiveConfig(name=name, options={option: -0.5}), "attribute x")
    with pytest.raises(UserError, match="attribute x: objective cosine: .*'temperature'"):
        build_objective(ObjectiveConfig(name="cosine", options={"temperature": 1}), "attribute x")
