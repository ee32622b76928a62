"""Calibration against a plain minimizer, its costs against single decisions, minCllr against all monotone maps."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

from espnet_ext.scoring.calibration import Calibration, decision_costs, fit_calibration, min_cllr, ratio_costs
from espnet_ext.scoring.roc import sort_trials
from espnet_ext.utils.errors import UserError


def make_trials(separation: float = 2.0, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    labels = np.arange(4 * count) < count
    return 0.1 * (rng.normal(0, 1, 4 * count) + separation * labels) + 0.2, labels


def of_classes(costs: np.ndarray, labels: np.ndarray) -> float:
    return float(costs[labels].mean() + costs[~labels].mean())


@pytest.mark.parametrize("prior", [0.01, 0.05, 0.5])
def test_the_line_minimizes_the_prior_weighted_loss(prior: float) -> None:
    scores, labels = make_trials()
    odds = np.log(prior / (1 - prior))

    def loss(line: np.ndarray) -> float:
        posterior = 1 / (1 + np.exp(-(line[0] * scores + line[1] + odds)))
        return -prior * np.log(posterior[labels]).mean() - (1 - prior) * np.log(1 - posterior[~labels]).mean()

    best = minimize(loss, [10.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-15, "maxfev": 9999})
    found = fit_calibration(scores, labels, prior)
    np.testing.assert_allclose([found.slope, found.offset], best.x, rtol=1e-4)


def test_gaussian_scores_get_their_true_ratios() -> None:
    scores, labels = make_trials(count=50_000)
    llrs = fit_calibration(scores, labels).llrs(scores)
    true = norm.logpdf(scores, 0.4, 0.1) - norm.logpdf(scores, 0.2, 0.1)
    np.testing.assert_allclose(llrs, true, atol=0.25)


def test_separable_trials_get_a_finite_line() -> None:
    scores = np.array([0.1, 0.2, 0.8, 0.9])
    line = fit_calibration(scores, scores > 0.5)
    assert np.isfinite([line.slope, line.offset]).all() and line.slope > 0


def test_equal_scores_are_uninformative() -> None:
    line = fit_calibration(np.full(6, 0.5), np.arange(6) < 2)
    np.testing.assert_allclose(line.llrs(np.full(2, 0.5)), 0.0, atol=1e-6)


def test_one_class_is_an_error() -> None:
    with pytest.raises(UserError, match="no target trial"):
        fit_calibration(np.arange(3.0), np.zeros(3, bool))


@pytest.mark.parametrize("prior", [0.01, 0.05, 0.9])
def test_decision_costs_are_those_of_thresholding_at_the_prior_odds(prior: float) -> None:
    llrs = np.array([-9.0, -1.0, 0.0, 3.5, 5.0, 9.0, -3.0])
    labels = np.array([True, False, True, False, False, True, True])
    threshold = np.log((1 - prior) / prior)
    misses = np.mean([llr < threshold for llr in llrs[labels]])
    alarms = np.mean([llr >= threshold for llr in llrs[~labels]])
    expected = (prior * misses + (1 - prior) * alarms) / min(prior, 1 - prior)
    assert of_classes(decision_costs(llrs, labels, prior), labels) == pytest.approx(expected, abs=1e-12)


def test_cllr_matches_its_definition() -> None:
    llrs, labels = np.array([2.0, -1.0, 0.5, -3.0]), np.array([True, True, False, False])
    expected = 0.5 * (np.log2(1 + np.exp(-llrs[labels])).mean() + np.log2(1 + np.exp(llrs[~labels])).mean())
    assert of_classes(ratio_costs(llrs, labels), labels) == pytest.approx(expected, abs=1e-12)
    assert of_classes(ratio_costs(np.zeros(4), labels), labels) == pytest.approx(1.0)


def pooled_cllr(scores: np.ndarray, labels: np.ndarray) -> float:
    """Minimum over monotone maps by pooling neighbors until no violator is left."""
    pools = [[float(t), float(n)] for s in np.unique(scores) for t, n in [_counts(scores == s, labels)]]
    i = 0
    while i < len(pools) - 1:
        (t0, n0), (t1, n1) = pools[i], pools[i + 1]
        if t0 * n1 >= t1 * n0:
            pools[i : i + 2] = [[t0 + t1, n0 + n1]]
            i = max(0, i - 1)
        else:
            i += 1
    bits = 0.0
    for t, n in pools:
        bits += (t * np.log2(1 + n / t) if t else 0.0) + (n * np.log2(1 + t / n) if n else 0.0)
    return 0.5 * bits


def _counts(chosen: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    return (chosen & labels).sum() / labels.sum(), (chosen & ~labels).sum() / (~labels).sum()


@pytest.mark.parametrize("decimals", [9, 2, 1])
def test_min_cllr_matches_pooling_by_hand(decimals: int) -> None:
    scores, labels = make_trials(count=60)
    scores = np.round(scores, decimals)
    found = min_cllr(sort_trials(scores, labels).plain_roc())
    assert found == pytest.approx(pooled_cllr(scores, labels), abs=1e-9)


def test_calibrated_costs_are_at_least_the_minimum_and_close_to_it() -> None:
    scores, labels = make_trials(count=5000)
    roc = sort_trials(scores, labels).plain_roc()
    llrs = fit_calibration(scores, labels).llrs(scores)
    assert min_cllr(roc) <= of_classes(ratio_costs(llrs, labels), labels) < min_cllr(roc) + 0.02
    for prior in (0.01, 0.05):
        actual = of_classes(decision_costs(llrs, labels, prior), labels)
        assert roc.min_dcf(prior) <= actual + 1e-12 and actual < roc.min_dcf(prior) + 0.08


def test_perfect_and_blind_scores_have_the_extreme_minima() -> None:
    labels = np.arange(8) < 4
    assert min_cllr(sort_trials(labels * 1.0, labels).plain_roc()) == 0.0
    assert min_cllr(sort_trials(np.zeros(8), labels).plain_roc()) == pytest.approx(1.0)


def test_llrs_are_linear_in_the_scores() -> None:
    assert Calibration(2.0, -1.0).llrs(np.array([0.0, 1.0])).tolist() == [-1.0, 1.0]
