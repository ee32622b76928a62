"""Weights and intervals against resampling by hand, and the coverage of the intervals."""

import numpy as np
import pytest

from espnet_ext.scoring import bootstrap
from espnet_ext.scoring.bootstrap import Bootstrap, Resamples, percentile_interval


def test_weights_count_the_same_draws() -> None:
    weights = Bootstrap(50, seed=3).weights(7)
    drawn = np.random.default_rng(3).integers(0, 7, size=(50, 7))
    expected = [[list(row).count(unit) for unit in range(7)] for row in drawn]
    np.testing.assert_array_equal(weights, expected)


@pytest.mark.parametrize("cells", [1, 30, 10**6])
def test_means_are_the_means_of_copied_items(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "BLOCK_CELLS", cells)  # blocks of one resample, of several, of all
    rng = np.random.default_rng(0)
    unit_of = np.array([0, 0, 1, 2, 2, 2, 3])
    items = rng.standard_normal((7, 2))
    drawn = np.random.default_rng(5).integers(0, 4, size=(20, 4))
    means = Resamples(4, Bootstrap(20, seed=5)).means(items, unit_of)
    for mean, units in zip(means, drawn, strict=True):
        copied = np.concatenate([items[unit_of == unit] for unit in units])
        np.testing.assert_allclose(mean, copied.mean(axis=0), atol=1e-12)


def test_a_resample_without_items_is_excluded_from_the_interval() -> None:
    draws = Resamples(2, Bootstrap(50, seed=0)).means(np.array([[2.0]]), np.array([0]))
    without = [row[0] == 0 for row in Bootstrap(50, seed=0).weights(2)]
    assert any(without) and np.isnan(draws).ravel().tolist() == without
    low, high = percentile_interval(draws)
    assert low == high == 2.0


def test_no_resamples_give_no_interval() -> None:
    low, high = percentile_interval(np.empty((0, 3)))
    assert np.isnan(low).all() and np.isnan(high).all()


def test_the_interval_of_a_mean_covers_it_about_95_times_in_100() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(400):
        draws = Resamples(60, Bootstrap(400, seed=trial)).means(rng.standard_normal((60, 1)), np.arange(60))
        low, high = percentile_interval(draws)
        covered += int(low[0] <= 0.0 <= high[0])
    assert 0.91 * 400 <= covered <= 0.98 * 400
