"""The supervised contrastive loss against a float64 loop: positives have the same label or sentence."""

import math

import pytest
import torch
from torch import Tensor, nn

from espnet_ext.config.attributes import ObjectiveConfig
from espnet_ext.config.labels import LabelSpace
from espnet_ext.model.objective import AbsObjective, build_objective
from espnet_ext.utils.errors import UserError

SPACE = LabelSpace(kind="class", classes={"a": 1, "b": 1, "c": 1})
CLASSES = [0, 1, 0, 2, 1, 0]


def unit(*shape: int) -> Tensor:
    return nn.functional.normalize(torch.randn(*shape, dtype=torch.float64), dim=-1)


def build(labels: LabelSpace | None, **options: float) -> AbsObjective:
    return build_objective(ObjectiveConfig(name="supervised_contrastive", options=options), "attribute x", 5, labels)


def loop(embeddings: Tensor, same: list[list[bool]], rows: list[int], temperature: float) -> float:
    total = 0.0
    for row in rows:
        others = [other for other in rows if other != row]
        positives = [other for other in others if same[row][other]]
        if positives:
            shares = {o: math.exp(float(embeddings[row] @ embeddings[o]) / temperature) for o in others}
            total -= sum(math.log(shares[p] / sum(shares.values())) for p in positives) / len(positives)
    return total / len(rows)


@pytest.mark.parametrize("rows", [[0, 1, 2, 3, 4, 5], [0, 2, 3], [1, 3, 5], [3]])
def test_matches_a_float64_loop_over_the_rows_with_a_target(rows: list[int]) -> None:
    torch.manual_seed(0)
    embeddings, present = unit(6, 5).requires_grad_(), torch.zeros(6, dtype=torch.bool)
    present[rows] = True
    classes = torch.tensor(CLASSES, dtype=torch.float64)[:, None].masked_fill(~present[:, None], 0.0)
    same = [[one == other for other in CLASSES] for one in CLASSES]
    loss = build(SPACE, temperature=0.2)(embeddings, classes, present)
    assert loss.item() == pytest.approx(loop(embeddings, same, rows, 0.2))
    loss.backward()
    assert embeddings.grad.isfinite().all()
    assert (embeddings.grad[~present] == 0).all()


def test_utterances_of_one_sentence_are_positives() -> None:
    torch.manual_seed(0)
    embeddings, targets = unit(6, 5), unit(6, 5)
    targets[4] = targets[1]
    targets[5] = nn.functional.normalize(targets[1] + 0.1 * unit(5), dim=0)  # a paraphrase
    same = [[float(one @ other) > 0.9 for other in targets] for one in targets]
    assert same[1][4] and same[1][5] and not same[0][1]
    loss = build(None, temperature=0.3)(embeddings, targets, torch.ones(6, dtype=torch.bool))
    assert loss.item() == pytest.approx(loop(embeddings, same, list(range(6)), 0.3))


def test_translations_of_the_sentence_are_positives() -> None:
    torch.manual_seed(0)
    embeddings, targets = unit(5, 5), unit(5, 5)
    sentences = torch.tensor([[3], [-1], [3], [-1], [4]])
    same = [[one == other or {one, other} == {0, 2} for other in range(5)] for one in range(5)]
    loss = build(None, temperature=0.3)(embeddings, targets, torch.ones(5, dtype=torch.bool), sentences)
    assert loss.item() == pytest.approx(loop(embeddings, same, list(range(5)), 0.3))


@pytest.mark.parametrize("num_present", [0, 1])
def test_without_positives_loss_and_gradient_are_zero(num_present: int) -> None:
    embeddings, present = unit(3, 5).requires_grad_(), torch.arange(3) < num_present
    loss = build(SPACE)(embeddings, torch.zeros(3, 1, dtype=torch.float64), present)
    loss.backward()
    assert loss.item() == 0
    assert (embeddings.grad == 0).all()


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"same_above": 1.0}])
def test_the_error_names_an_invalid_option(options: dict) -> None:
    with pytest.raises(UserError, match="x: objective supervised_contrastive: needs temperature > 0 and same"):
        build(SPACE, **options)
