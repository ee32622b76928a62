"""Weights and intervals against resampling by hand, and the coverage of the intervals."""

import numpy as np

from espnet_ext.scoring.bootstrap import percentile_interval, resample_weights, weighted_means


def test_weights_count_the_same_draws() -> None:
    weights = resample_weights(units=7, resamples=50, seed=3)
    drawn = np.random.default_rng(3).integers(0, 7, size=(50, 7))
    expected = [[list(row).count(unit) for unit in range(7)] for row in drawn]
    np.testing.assert_array_equal(weights, expected)


def test_weighted_means_are_the_means_of_copied_items() -> None:
    rng = np.random.default_rng(0)
    unit_of = np.array([0, 0, 1, 2, 2, 2, 3])
    items = rng.standard_normal((7, 2))
    sums = np.array([items[unit_of == unit].sum(axis=0) for unit in range(4)])
    counts = np.bincount(unit_of)[:, None]
    drawn = np.random.default_rng(5).integers(0, 4, size=(20, 4))
    means = weighted_means(sums, counts, resample_weights(4, 20, seed=5))
    for mean, units in zip(means, drawn, strict=True):
        copied = np.concatenate([items[unit_of == unit] for unit in units])
        np.testing.assert_allclose(mean, copied.mean(axis=0), atol=1e-12)


def test_a_resample_without_items_is_left_out_of_the_interval() -> None:
    draws = weighted_means(
        np.array([[2.0], [0.0]]), np.array([[1], [0]]), np.array([[1.0, 1.0], [0.0, 2.0], [2.0, 0.0]])
    )
    assert np.isnan(draws).ravel().tolist() == [False, True, False]
    low, high = percentile_interval(draws)
    assert low == high == 2.0


def test_no_resamples_give_no_interval() -> None:
    low, high = percentile_interval(np.empty((0, 3)))
    assert np.isnan(low).all() and np.isnan(high).all()


def test_the_interval_of_a_mean_covers_it_about_95_times_in_100() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(400):
        sums = rng.standard_normal((60, 1))
        draws = weighted_means(sums, np.ones((60, 1)), resample_weights(60, 400, seed=trial))
        low, high = percentile_interval(draws)
        covered += int(low[0] <= 0.0 <= high[0])
    assert 0.91 * 400 <= covered <= 0.98 * 400
