"""Batches with a fixed budget of padded samples."""

import numpy as np
import pytest

from espnet_ext.utils.batching import cut_batches, sorted_batches


@pytest.mark.parametrize("budget", [1, 50, 1000, 10**6])
def test_every_index_is_in_one_batch_within_the_budget(budget: int) -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 200)
    batches = sorted_batches(lengths, budget)
    assert sorted(np.concatenate(batches)) == list(range(200))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= budget
    assert (np.diff(lengths[np.concatenate(batches)]) >= 0).all()


def test_batches_are_as_large_as_possible() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 200)
    batches = sorted_batches(lengths, 1000)
    for batch, following in zip(batches, batches[1:], strict=False):
        assert (len(batch) + 1) * lengths[following[0]] > 1000


def test_the_given_order_is_kept() -> None:
    order = np.array([4, 1, 0])
    batches = cut_batches(order, np.array([30, 20, 99, 99, 10]), 60)
    assert [batch.tolist() for batch in batches] == [[4, 1], [0]]


def test_an_empty_list_has_no_batches() -> None:
    assert sorted_batches(np.array([], dtype=np.int64), 10) == []
