"""Corners of the ROC under weights against copied trials, and the formulas of other toolkits."""

import numpy as np
import pytest

from espnet_ext.scoring.roc import sort_trials


def make_trials(decimals: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    labels = rng.random(400) < 0.4
    return np.round(rng.normal(0, 1, 400) + 1.5 * labels, decimals), labels


@pytest.mark.parametrize("decimals", [9, 1, 0])
def test_weights_are_equivalent_to_copies_of_the_trials(decimals: int) -> None:
    scores, labels = make_trials(decimals)
    weights = np.random.default_rng(2).integers(0, 4, len(scores))
    trials = sort_trials(scores, labels)
    roc = trials.roc(weights[trials.targets.trials] * 1.0, weights[trials.nontargets.trials] * 1.0)
    copied = sort_trials(np.repeat(scores, weights), np.repeat(labels, weights)).plain_roc()
    assert roc.eer() == pytest.approx(copied.eer(), abs=1e-12)
    for prior in (0.01, 0.05, 0.5, 0.9):
        assert roc.min_dcf(prior) == pytest.approx(copied.min_dcf(prior), abs=1e-12)


@pytest.mark.parametrize("decimals", [9, 1, 0])
def test_all_corners_except_those_on_a_straight_line_are_kept(decimals: int) -> None:
    scores, labels = make_trials(decimals)
    roc = sort_trials(scores, labels).plain_roc()
    drawn = list(zip(roc.alarm_rates(), roc.miss_rates(), strict=True))
    every = [(0.0, 1.0)]
    for threshold in np.unique(scores)[::-1]:
        every.append(((scores[~labels] >= threshold).mean(), (scores[labels] < threshold).mean()))
    # A removed corner lies on the line between its neighbors.
    x, y = np.array(drawn).T
    for alarms, misses in every:
        on_segment = [
            min(x[i], x[i + 1]) - 1e-12 <= alarms <= max(x[i], x[i + 1]) + 1e-12
            and min(y[i], y[i + 1]) - 1e-12 <= misses <= max(y[i], y[i + 1]) + 1e-12
            and abs((x[i + 1] - x[i]) * (misses - y[i]) - (y[i + 1] - y[i]) * (alarms - x[i])) < 1e-12
            for i in range(len(x) - 1)
        ]
        assert any(on_segment)
    assert len(drawn) <= len(every)


@pytest.mark.parametrize("prior", [0.01, 0.5, 0.9])
def test_an_inverted_system_costs_as_much_as_the_better_blind_decision(prior: float) -> None:
    labels = np.arange(50) < 20
    assert sort_trials(np.arange(50.0), labels).plain_roc().min_dcf(prior) == pytest.approx(1.0)


def test_a_resample_of_one_class_has_no_rates() -> None:
    trials = sort_trials(np.array([3.0, 2.0, 1.0]), np.array([True, False, False]))
    assert not trials.roc(np.zeros(1), np.ones(2)).has_both_classes
    assert trials.roc(np.ones(1), np.array([0.0, 1.0])).has_both_classes


def wespeaker(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """EER and normalized minDCF(0.01) by its formulas, trial by trial from "accept all"."""
    order = np.argsort(scores)
    misses, alarms, found = [], [], 0
    for place, trial in enumerate(order, 1):
        found += labels[trial]
        misses.append(found / labels.sum())
        alarms.append(1 - (place - found) / (~labels).sum())
    after = next(i for i in range(len(order)) if misses[i] >= alarms[i])
    before = after - 1
    a = (misses[after] - alarms[after]) / (alarms[before] - alarms[after] - (misses[before] - misses[after]))
    dcf = min(0.01 * miss + 0.99 * alarm for miss, alarm in zip(misses, alarms, strict=True)) / 0.01
    return 100 * (misses[after] + a * (misses[before] - misses[after])), dcf


def speechbrain(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """EER and unnormalized minDCF(0.01) by its formulas, over all scores and their midpoints as thresholds."""
    values = np.unique(scores)
    thresholds = np.sort(np.append(values, (values[1:] + values[:-1]) / 2))
    rates = [((scores[labels] <= t).mean(), (scores[~labels] > t).mean()) for t in thresholds]
    miss, alarm = min(rates, key=lambda pair: abs(pair[0] - pair[1]))
    return 50 * (miss + alarm), min(0.01 * miss + 0.99 * alarm for miss, alarm in rates)


def test_scores_without_ties_match_other_toolkits() -> None:
    rng = np.random.default_rng(4)
    labels = np.arange(600) < 300
    scores = rng.normal(0, 1, 600) + 3.4 * labels
    roc = sort_trials(scores, labels).plain_roc()
    eer, dcf = wespeaker(scores, labels)
    assert (roc.eer(), roc.min_dcf(0.01)) == (pytest.approx(eer, abs=1e-9), pytest.approx(dcf, abs=1e-9))
    eer, dcf = speechbrain(scores, labels)
    # It uses the middle of the corner nearest to EER, and does not divide by the blind cost.
    assert roc.eer() == pytest.approx(eer, abs=100 / 300)
    assert roc.min_dcf(0.01) == pytest.approx(dcf / 0.01, abs=1e-9)
