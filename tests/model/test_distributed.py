"""Ranks that share a batch: loss, gradients and statistics equal those of one process with the whole batch."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, multiprocessing, nn

from espnet_ext.config.attributes import parse_attributes
from espnet_ext.model.distributed import first_row, gather_rows, num_ranks, sum_over_ranks
from espnet_ext.model.encoder import build_encoder
from espnet_ext.tasks.espnet_model import ESPnetUttModel

RANKS = 2
DIMS = {"sem": 8, "spk": 6}


def on_ranks(work: Callable[[int], object], folder: Path) -> list:
    """Results of `work(rank)` from two processes."""

    def run(rank: int) -> None:
        torch.set_num_threads(1)
        distributed.init_process_group("gloo", f"file://{folder}/init", rank=rank, world_size=RANKS)
        torch.save(work(rank), folder / f"{rank}.pt")
        distributed.destroy_process_group()

    # Forked, because the modules of tests cannot be imported in a new interpreter.
    multiprocessing.start_processes(run, nprocs=RANKS, start_method="fork")
    return [torch.load(folder / f"{rank}.pt") for rank in range(RANKS)]


def test_one_process_keeps_its_values() -> None:
    rows = torch.randn(3, 2)
    assert num_ranks() == 1
    assert gather_rows(rows) is rows
    assert sum_over_ranks(rows) is rows


def test_sums_and_rows_of_unequal_batches_are_combined(tmp_path: Path) -> None:
    def work(rank: int) -> tuple[Tensor, Tensor]:
        rows = torch.full((2 - rank, 3), float(rank))
        return sum_over_ranks(torch.tensor([1.0, rank])), gather_rows(rows)

    for total, rows in on_ranks(work, tmp_path):
        assert total.tolist() == [2.0, 1.0]
        assert rows.tolist() == [[0.0] * 3, [0.0] * 3, [1.0] * 3]


def test_a_loss_reaches_the_rows_of_other_ranks(tmp_path: Path) -> None:
    torch.manual_seed(0)
    rows, weights = torch.randn(5, 3), torch.randn(5, 5)

    def loss_of(first: int, own: Tensor, everyone: Tensor) -> Tensor:
        return (weights[first : first + len(own)] * (own @ everyone.T).tanh()).sum()

    def work(rank: int) -> tuple[int, Tensor]:
        own = (rows[:3], rows[3:])[rank].detach().clone().requires_grad_()
        loss_of(first_row(own), own, gather_rows(own)).backward()
        return first_row(own), own.grad

    rows.requires_grad_()
    loss_of(0, rows, rows).backward()
    parts = on_ranks(work, tmp_path)
    assert [first for first, _ in parts] == [0, 3]
    torch.testing.assert_close(torch.cat([gradient for _, gradient in parts]), rows.grad)


@pytest.fixture(params=["fixed", "uncertainty"])
def model(request: pytest.FixtureRequest, encoder_config: dict, attributes_block: dict) -> ESPnetUttModel:
    """In-batch negatives for one term of sem, a queue for another, batch mates as positives for spk, nominal batch 3,
    gradients measured."""
    sem = attributes_block["sem"]
    queue = {"name": "contrastive", "weight": 0.3, "queue_size": 9}
    like = {"name": "supervised_contrastive", "weight": 0.5, "same_above": 0.0}
    block = {
        "sem": sem | {"objective": [*sem["objective"], queue]},
        "spk": attributes_block["spk"] | {"objective": [attributes_block["spk"]["objective"], like]},
    }
    torch.manual_seed(0)
    attributes = parse_attributes(block, "test")
    conf = {"nominal_batch": 3, "gradient_interval": 1, "task_weighting": request.param}
    model = ESPnetUttModel(build_encoder(encoder_config), attributes, **conf)
    model.objectives["sem"][2].queue = nn.functional.normalize(torch.randn(9, DIMS["sem"]), dim=-1)
    return model


def batch_without(missing: dict[str, list[int]]) -> dict[str, Tensor]:
    """Five utterances, some without a target."""
    torch.manual_seed(1)
    batch = {"speech": 0.1 * torch.randn(5, 9000), "speech_lengths": torch.tensor([900, 3000, 4000, 7001, 9000])}
    for name, dim in DIMS.items():
        batch[name] = nn.functional.normalize(torch.randn(5, dim), dim=-1)
        batch[name][missing.get(name, [])] = torch.nan
    return batch | {"sentences": torch.tensor([[3], [-1], [3], [4], [-1]])}


def train_on(model: ESPnetUttModel, batch: dict[str, Tensor]) -> tuple[dict, dict, Tensor]:
    """Return gradients, statistics and weight of one batch."""
    loss, statistics, weight = model.train()(**batch)
    loss.sum().backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return gradients, statistics, weight


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param({}, id="unequal shares of 3 and 2"),
        pytest.param({"sem": [0, 2], "spk": [1]}, id="rows missing unequally"),
        pytest.param({"spk": [1, 3]}, id="an attribute absent on one rank"),
        pytest.param({"spk": [0, 1, 2, 3, 4]}, id="an attribute absent everywhere"),
    ],
)
def test_two_ranks_equal_one_process(model: ESPnetUttModel, tmp_path: Path, missing: dict) -> None:
    batch = batch_without(missing)

    def work(rank: int) -> tuple[dict, dict, Tensor]:
        return train_on(model, {name: value[rank::RANKS] for name, value in batch.items()})

    parts = on_ranks(work, tmp_path)
    gradients, statistics, weight = train_on(model, batch)
    for _, found, found_weight in parts:
        torch.testing.assert_close(found, statistics, rtol=2e-5, atol=1e-6, equal_nan=True)
        assert found_weight == weight == 5
    # Some gradients are zero but for rounding (a bias before a softmax): rounding is measured on the largest.
    scale = max(float(gradient.abs().max()) for gradient in gradients.values())
    for name, expected in gradients.items():
        # DistributedDataParallel averages the ranks' gradients.
        mean = sum(part[0][name] for part in parts) / RANKS
        torch.testing.assert_close(mean, expected, rtol=1e-5, atol=1e-6 * scale)


def test_distributed_data_parallel_ends_with_the_gradients_of_one_process(
    model: ESPnetUttModel, tmp_path: Path
) -> None:
    """Compare the gradients in its hooks, including a first batch accumulated without synchronization."""
    batch = batch_without({"spk": [1, 3]})

    def work(rank: int) -> dict[str, Tensor]:
        wrapped = nn.parallel.DistributedDataParallel(model.train())
        share = {name: value[rank::RANKS] for name, value in batch.items()}
        for last in (False, True):
            wrapped.require_backward_grad_sync = last
            (wrapped(**share)[0].sum() / 2).backward()
        return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}

    parts = on_ranks(work, tmp_path)
    expected, _, _ = train_on(model, batch)
    scale = max(float(gradient.abs().max()) for gradient in expected.values())
    for part in parts:
        assert list(part) == list(expected)
        for name, gradient in expected.items():
            torch.testing.assert_close(part[name], gradient, rtol=1e-4, atol=1e-5 * scale)
