"""EER and minDCF against a naive ROC, scikit-learn and ESPnet; ties, missing classes, intervals."""

import numpy as np
import pytest
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from scipy.stats import norm
from sklearn.metrics import roc_curve

from espnet_ext.scoring.bootstrap import Bootstrap
from espnet_ext.scoring.calibration import Calibration
from espnet_ext.scoring.verification import (
    CALIBRATED_METRICS,
    equal_error_rate,
    min_dcf,
    score_verification,
)
from espnet_ext.utils.errors import UserError

Trials = tuple[np.ndarray, np.ndarray]


def naive_points(scores: np.ndarray, labels: np.ndarray) -> list[tuple[float, float]]:
    """(false acceptance, false rejection) at "accept from here up", from accept none to accept all."""
    targets, others = scores[labels], scores[~labels]
    points = [(0.0, 1.0)]
    for threshold in sorted(set(scores.tolist()), reverse=True):
        accepted = sum(1 for score in others if score >= threshold) / len(others)
        refused = sum(1 for score in targets if score < threshold) / len(targets)
        points.append((accepted, refused))
    return points


def naive_eer(scores: np.ndarray, labels: np.ndarray) -> float:
    """Walk along the ROC and cut the first segment that reaches the diagonal."""
    points = naive_points(scores, labels)
    for (a0, m0), (a1, m1) in zip(points, points[1:], strict=False):
        if a1 >= m1:
            # a0 + t (a1 - a0) = m0 + t (m1 - m0)
            t = (m0 - a0) / ((a1 - a0) - (m1 - m0))
            return 100 * (a0 + t * (a1 - a0))
    raise AssertionError("the ROC ends at (1, 0)")


def naive_min_dcf(scores: np.ndarray, labels: np.ndarray, prior: float) -> float:
    costs = [prior * misses + (1 - prior) * alarms for alarms, misses in naive_points(scores, labels)]
    return min(costs) / min(prior, 1 - prior)


@pytest.fixture(params=[None, 1, 0], ids=["fine", "one decimal", "integers"])
def trials(request: pytest.FixtureRequest) -> Trials:
    """300 + 500 Gaussian scores, as they are or so coarse that most are tied."""
    rng = np.random.default_rng(7)
    scores = np.concatenate([rng.normal(2, 1, 300), rng.normal(0, 1, 500)])
    labels = np.arange(800) < 300
    order = rng.permutation(800)
    scores = scores if request.param is None else np.round(scores, request.param)
    return scores[order], labels[order]


def test_eer_matches_a_naive_walk_along_the_roc(trials: Trials) -> None:
    assert equal_error_rate(*trials) == pytest.approx(naive_eer(*trials), abs=1e-9)


def test_eer_matches_an_interpolated_scikit_learn_roc(trials: Trials) -> None:
    scores, labels = trials
    alarms, hits, _ = roc_curve(labels, scores, drop_intermediate=False)
    # The common recipe; duplicates of the abscissa are kept apart by a hair.
    curve = interp1d(alarms + 1e-12 * np.arange(len(alarms)), hits)
    expected = 100 * brentq(lambda x: 1.0 - x - curve(x), 1e-9, 1.0)
    assert equal_error_rate(scores, labels) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("prior", [0.01, 0.05, 0.5, 0.9])
def test_min_dcf_matches_a_naive_search(trials: Trials, prior: float) -> None:
    assert min_dcf(*trials, prior) == pytest.approx(naive_min_dcf(*trials, prior), abs=1e-12)


@pytest.mark.parametrize("prior", [0.01, 0.05])
def test_min_dcf_matches_espnet_without_ties(prior: float) -> None:
    eer = pytest.importorskip("espnet2.utils.eer")
    rng = np.random.default_rng(3)
    scores = np.concatenate([rng.normal(3, 1, 300), rng.normal(0, 1, 300)])
    labels = np.arange(600) < 300
    expected, _ = eer.ComputeMinDcf(*eer.ComputeErrorRates(scores, labels.astype(int)), prior, 1, 1)
    assert min_dcf(scores, labels, prior) == pytest.approx(expected, abs=1e-12)


def test_gaussian_scores_give_the_error_that_theory_gives() -> None:
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(2, 1, 200_000), rng.normal(0, 1, 200_000)])
    labels = np.arange(400_000) < 200_000
    assert equal_error_rate(scores, labels) == pytest.approx(100 * norm.cdf(-1), abs=0.2)


def test_tied_inverted_and_perfect_scores() -> None:
    labels = np.array([True, True, False, False, False])
    for scores, eer, dcf in (
        ([0.3] * 5, 50.0, 1.0),
        ([1, 2, 3, 4, 5], 100.0, 1.0),
        ([5, 4, 3, 2, 1], 0.0, 0.0),
    ):
        assert equal_error_rate(np.array(scores, float), labels) == pytest.approx(eer)
        assert min_dcf(np.array(scores, float), labels, 0.01) == pytest.approx(dcf)


def test_the_order_of_the_trials_does_not_matter(trials: Trials) -> None:
    scores, labels = trials
    assert equal_error_rate(scores, labels) == equal_error_rate(scores[::-1], labels[::-1])


@pytest.mark.parametrize(("label", "name"), [(True, "non-target"), (False, "target")])
def test_a_missing_class_is_an_error(label: bool, name: str) -> None:
    with pytest.raises(UserError, match=f"no {name} trial"):
        equal_error_rate(np.arange(3.0), np.full(3, label))


def test_a_nan_score_is_an_error_that_names_the_trial() -> None:
    with pytest.raises(UserError, match="trial 2 is nan"):
        equal_error_rate(np.array([0.1, np.nan, 0.2]), np.array([True, False, False]))


def make_speakers() -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    """Ten speakers of four utterances, all pairs, with speakers that differ in difficulty."""
    rng = np.random.default_rng(5)
    owners = np.repeat(np.arange(10), 4)
    first, second = np.triu_indices(40, 1)
    labels = owners[first] == owners[second]
    scores = rng.normal(0, 1, len(first)) + labels * (1 + 0.3 * owners[first])
    return scores, labels, [f"s{i}" for i in owners[first]], [f"s{i}" for i in owners[second]]


def test_intervals_match_scoring_repeated_trials() -> None:
    scores, labels, enrol, test = make_speakers()
    figures = {f.metric: f for f in score_verification("all", scores, labels, enrol, test, Bootstrap(60, seed=9))}
    names = sorted(set(enrol))
    owners = np.array([names.index(name) for name in enrol]), np.array([names.index(name) for name in test])
    eers = []
    for drawn in np.random.default_rng(9).integers(0, 10, size=(60, 10)):
        counts = np.bincount(drawn, minlength=10)
        repeats = [counts[e] if e == t else counts[e] * counts[t] for e, t in zip(*owners, strict=True)]
        eers.append(naive_eer(np.repeat(scores, repeats), np.repeat(labels, repeats)))
    assert figures["EER"].low == pytest.approx(np.percentile(eers, 2.5), abs=1e-9)
    assert figures["EER"].high == pytest.approx(np.percentile(eers, 97.5), abs=1e-9)
    assert figures["EER"].value == pytest.approx(naive_eer(scores, labels), abs=1e-9)


def test_calibrated_intervals_match_scoring_repeated_trials() -> None:
    scores, labels, enrol, test = make_speakers()
    line = Calibration(2.0, -3.0)
    bootstrap = Bootstrap(40, seed=4)
    figures = {f.metric: f for f in score_verification("all", scores, labels, enrol, test, bootstrap, calibration=line)}
    names = sorted(set(enrol))
    owners = np.array([names.index(name) for name in enrol]), np.array([names.index(name) for name in test])
    draws = []
    for drawn in np.random.default_rng(4).integers(0, 10, size=(40, 10)):
        counts = np.bincount(drawn, minlength=10)
        repeats = np.array([counts[e] if e == t else counts[e] * counts[t] for e, t in zip(*owners, strict=True)])
        llrs, is_target = np.repeat(2.0 * scores - 3.0, repeats), np.repeat(labels, repeats)
        misses = (llrs[is_target] < np.log(99)).mean()
        alarms = (llrs[~is_target] >= np.log(99)).mean()
        cllr = np.log2(1 + np.exp(-llrs[is_target])).mean() + np.log2(1 + np.exp(llrs[~is_target])).mean()
        draws.append((misses + 99 * alarms, cllr / 2))
    for metric, column in zip(("actDCF(0.01)", "Cllr"), np.array(draws).T, strict=True):
        assert figures[metric].low == pytest.approx(np.percentile(column, 2.5), abs=1e-9)
        assert figures[metric].high == pytest.approx(np.percentile(column, 97.5), abs=1e-9)
    assert figures["minCllr"].low <= figures["minCllr"].value <= figures["Cllr"].value
    assert figures["Cllr"].chance == 1.0


def test_without_calibration_there_are_no_calibrated_figures() -> None:
    scores, labels, enrol, test = make_speakers()
    metrics = {f.metric for f in score_verification("all", scores, labels, enrol, test, Bootstrap(2))}
    assert not metrics & set(CALIBRATED_METRICS)


def test_figures_state_counts_and_chance() -> None:
    scores, labels, enrol, test = make_speakers()
    figures = {f.metric: f for f in score_verification("all", scores, labels, enrol, test, Bootstrap(20))}
    assert {f.n for f in figures.values()} == {780}
    assert (figures["targets"].value, figures["speakers"].value) == (60, 10)
    assert (figures["EER"].chance, figures["minDCF(0.05)"].chance) == (50.0, 1.0)
