"""Ways of weighting the attributes' losses: their gradients, by hand and by other implementations."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from espnet_ext.config.attributes import parse_attributes
from espnet_ext.errors import UserError
from espnet_ext.utt.encoder import build_encoder
from espnet_ext.utt.espnet_model import ESPnetUttModel
from espnet_ext.utt.freeze import freeze_blocks
from espnet_ext.utt.gradient_surgery import operated_gradients, with_gradients
from espnet_ext.utt.task_weighting import build_task_weighting

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


def gradients_of(model: ESPnetUttModel, batch: dict[str, Tensor], scale: float = 1.0) -> dict[str, Tensor]:
    (scale * model(**batch)[0]).backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def test_uncertainty_begins_as_fixed_weights_and_learns_their_logarithms(build: Build, batch: dict) -> None:
    fixed, learned = build(), build(task_weighting="uncertainty")
    expected, found = gradients_of(fixed, batch), gradients_of(learned, batch)
    of_weights = found.pop("task_weighting.log_variances")
    torch.testing.assert_close(found, expected)
    statistics = fixed(**batch)[1]
    # d/ds of weight * count / nominal * (exp(-s) * loss + s / 2) at 0.
    by_hand = [1.0 * 4 / 3 * (0.5 - statistics["loss_sem"]), 0.5 * 3 / 3 * (0.5 - statistics["loss_spk"])]
    torch.testing.assert_close(of_weights, torch.stack(by_hand).squeeze())


def test_uncertainty_settles_where_every_loss_counts_alike() -> None:
    weighting = build_task_weighting("uncertainty", ["a", "b"])
    optimizer = torch.optim.Adam(weighting.parameters(), lr=0.05)
    losses = {"a": torch.tensor(20.0), "b": torch.tensor(0.3)}
    for _ in range(600):
        optimizer.zero_grad()
        sum(weighting.weigh(name, loss) for name, loss in losses.items()).backward()
        optimizer.step()
    weights = weighting.statistics()
    assert {name: (weights[f"weight_{name}"] * loss).item() for name, loss in losses.items()} == {
        "a": pytest.approx(0.5, rel=1e-2),
        "b": pytest.approx(0.5, rel=1e-2),
    }


@pytest.mark.parametrize("name", ["fixed", "uncertainty", "pcgrad"])
def test_statistics_compare_between_ways_of_weighting(build: Build, batch: dict, name: str) -> None:
    statistics = build(task_weighting=name)(**batch)[1]
    expected = build()(**batch)[1]
    torch.testing.assert_close({key: statistics[key] for key in expected}, expected)
    assert set(statistics) - set(expected) == ({"weight_sem", "weight_spk"} if name == "uncertainty" else set())


def by_hand(one: Tensor, other: Tensor) -> Tensor:
    """PCGrad of two gradients."""
    product = float(one @ other)
    if product >= 0:
        return one + other
    return one - product / float(other @ other) * other + other - product / float(one @ one) * one


def test_pcgrad_projects_what_conflicts_on_the_encoder_and_leaves_the_heads(build: Build, batch: dict) -> None:
    expected, parts = gradients_of(build(), batch), {}
    for name in NAMES:  # each attribute alone: the other's targets are missing
        alone = build()
        others = {other: torch.full_like(batch[other], torch.nan) for other in NAMES if other != name}
        gradients = gradients_of(alone, batch | others)
        parts[name] = torch.cat([g.flatten() for key, g in gradients.items() if key.startswith("encoder.")])
    found = gradients_of(build(task_weighting="pcgrad"), batch, scale=2.0)
    assert list(found) == list(expected)
    of_encoder = torch.cat([g.flatten() for key, g in found.items() if key.startswith("encoder.")])
    projected = by_hand(parts["sem"], parts["spk"])
    torch.testing.assert_close(of_encoder, 2 * projected, rtol=1e-4, atol=1e-6 * float(projected.abs().max()))
    for key in expected:
        if not key.startswith("encoder."):
            torch.testing.assert_close(found[key], 2 * expected[key], rtol=1e-4, atol=1e-7)


def test_conflicting_gradients_do_not_undo_each_other() -> None:
    shared, own = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.ones(2))
    directions = torch.tensor([[1.0, 0.0, 0.5], [-1.0, 1.0, 0.0]])
    tasks = [directions[0] @ shared + own[0], directions[1] @ shared + 3 * own[1]]
    of_shared, of_own = operated_gradients(tasks, [shared], [own], seed=0)
    torch.testing.assert_close(of_shared, by_hand(*directions))
    assert (directions @ of_shared > 0).all()
    assert of_own.tolist() == [1.0, 3.0]


def test_pcgrad_of_three_tasks_is_that_of_torchjd_and_repeats_with_its_seed() -> None:
    from torchjd.aggregation import PCGrad

    torch.manual_seed(0)
    shared = nn.Parameter(torch.randn(6))
    jacobian = torch.tensor([[1.0, -2, 0, 1, 0, 3], [-1, 1, 0, 0, 2, -2], [0, 1, -3, -1, 1, -1]])
    found = []
    for seed in (0, 0, 1, 2, 3, 4):
        found.append(operated_gradients([row @ shared for row in jacobian], [shared], [], seed)[0])
        torch.manual_seed(seed)
        torch.testing.assert_close(found[-1], PCGrad()(jacobian))
    assert torch.equal(found[0], found[1])
    assert any(not torch.equal(found[0], other) for other in found[2:])


def test_pcgrad_draws_no_random_numbers_of_the_training() -> None:
    shared, before = nn.Parameter(torch.ones(2)), torch.random.get_rng_state()
    operated_gradients([shared[0] - shared[1], shared[1] - shared[0]], [shared], [], seed=5)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_given_gradient_is_scaled_and_added_like_any_other() -> None:
    parameter = nn.Parameter(torch.ones(2))
    loss = with_gradients(torch.tensor(7.0), [parameter], [torch.tensor([1.0, -2.0])])
    assert loss.item() == 7.0
    (loss / 4).backward()
    assert parameter.grad.tolist() == [0.25, -0.5]


@pytest.mark.parametrize("case", ["evaluation", "frozen", "one attribute"])
def test_pcgrad_is_the_plain_sum_where_nothing_is_shared_or_trained(
    case: str, build: Build, batch: dict, encoder_config: dict, attributes_block: dict
) -> None:
    models = [build(), build(task_weighting="pcgrad")]
    if case == "one attribute":
        attributes = parse_attributes({"sem": attributes_block["sem"]}, "test")
        models = []
        for name in ("fixed", "pcgrad"):
            torch.manual_seed(0)
            models.append(ESPnetUttModel(build_encoder(encoder_config), attributes, task_weighting=name))
    for model in models:
        if case == "frozen":
            freeze_blocks(model.encoder, -1)
        if case == "evaluation":
            model.eval()
    expected, found = (gradients_of(model, batch) for model in models)
    torch.testing.assert_close(found, expected)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UserError, match="task_weighting 'pcgard' is unknown; legal: fixed, uncertainty, pcgrad"):
        build_task_weighting("pcgard", NAMES)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("espnet_ext.utt.task_weighting.find_spec", lambda name: None)
    with pytest.raises(UserError, match="pcgrad needs the package torchjd: pip install torchjd"):
        build_task_weighting("pcgrad", NAMES)


def test_the_decorrelation_is_one_more_task(build: Build, batch: dict) -> None:
    plain, penalised = build(), build(decorrelation=0.7)
    (loss, _, _), (other, statistics, _) = plain(**batch), penalised(**batch)
    assert math.isclose(other.item(), loss.item() + 0.7 * statistics["cka"].item() * 4 / 3, rel_tol=1e-5)
    other.backward()
    gradients = [p.grad for p in penalised.encoder.parameters() if p.requires_grad]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
