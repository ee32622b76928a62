"""EER and minDCF against a naive ROC, scikit-learn and ESPnet; ties, missing classes, intervals."""

import numpy as np
import pytest
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from scipy.stats import norm
from sklearn.metrics import roc_curve

from espnet_ext.scoring.bootstrap import Bootstrap
from espnet_ext.scoring.calibration import Calibration
from espnet_ext.scoring.roc import sort_trials
from espnet_ext.scoring.verification import CALIBRATED_METRICS, TrialWeights, score_verification, speaker_sums
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
    """Walk along the ROC and intersect the first segment that reaches the diagonal."""
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
    """300 + 500 Gaussian scores, either exact or so coarse that most are tied."""
    rng = np.random.default_rng(7)
    scores = np.concatenate([rng.normal(2, 1, 300), rng.normal(0, 1, 500)])
    labels = np.arange(800) < 300
    order = rng.permutation(800)
    scores = scores if request.param is None else np.round(scores, request.param)
    return scores[order], labels[order]


def test_eer_matches_a_naive_walk_along_the_roc(trials: Trials) -> None:
    assert sort_trials(*trials).plain_roc().eer() == pytest.approx(naive_eer(*trials), abs=1e-9)


def test_eer_matches_an_interpolated_scikit_learn_roc(trials: Trials) -> None:
    scores, labels = trials
    alarms, hits, _ = roc_curve(labels, scores, drop_intermediate=False)
    # The common recipe; duplicate abscissas are separated by a tiny offset.
    curve = interp1d(alarms + 1e-12 * np.arange(len(alarms)), hits)
    expected = 100 * brentq(lambda x: 1.0 - x - curve(x), 1e-9, 1.0)
    assert sort_trials(scores, labels).plain_roc().eer() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("prior", [0.01, 0.05, 0.5, 0.9])
def test_min_dcf_matches_a_naive_search(trials: Trials, prior: float) -> None:
    assert sort_trials(*trials).plain_roc().min_dcf(prior) == pytest.approx(naive_min_dcf(*trials, prior), abs=1e-12)


@pytest.mark.parametrize("prior", [0.01, 0.05])
def test_min_dcf_matches_espnet_without_ties(prior: float) -> None:
    eer = pytest.importorskip("espnet2.utils.eer")
    rng = np.random.default_rng(3)
    scores = np.concatenate([rng.normal(3, 1, 300), rng.normal(0, 1, 300)])
    labels = np.arange(600) < 300
    expected, _ = eer.ComputeMinDcf(*eer.ComputeErrorRates(scores, labels.astype(int)), prior, 1, 1)
    assert sort_trials(scores, labels).plain_roc().min_dcf(prior) == pytest.approx(expected, abs=1e-12)


def test_gaussian_scores_have_the_theoretical_error() -> None:
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(2, 1, 200_000), rng.normal(0, 1, 200_000)])
    labels = np.arange(400_000) < 200_000
    assert sort_trials(scores, labels).plain_roc().eer() == pytest.approx(100 * norm.cdf(-1), abs=0.2)


def test_tied_inverted_and_perfect_scores_have_the_extreme_errors() -> None:
    labels = np.array([True, True, False, False, False])
    for scores, eer, dcf in (
        ([0.3] * 5, 50.0, 1.0),
        ([1, 2, 3, 4, 5], 100.0, 1.0),
        ([5, 4, 3, 2, 1], 0.0, 0.0),
    ):
        roc = sort_trials(np.array(scores, float), labels).plain_roc()
        assert roc.eer() == pytest.approx(eer) and roc.min_dcf(0.01) == pytest.approx(dcf)


def test_the_order_of_the_trials_does_not_matter(trials: Trials) -> None:
    scores, labels = trials
    assert sort_trials(scores, labels).plain_roc().eer() == sort_trials(scores[::-1], labels[::-1]).plain_roc().eer()


@pytest.mark.parametrize(("label", "name"), [(True, "non-target"), (False, "target")])
def test_a_missing_class_is_an_error(label: bool, name: str) -> None:
    with pytest.raises(UserError, match=f"no {name} trial"):
        sort_trials(np.arange(3.0), np.full(3, label)).plain_roc().eer()


def test_the_error_of_a_nan_score_names_the_trial() -> None:
    with pytest.raises(UserError, match="trial 2 is nan"):
        sort_trials(np.array([0.1, np.nan, 0.2]), np.array([True, False, False])).plain_roc().eer()


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


def test_without_calibration_there_are_no_calibrated_scores() -> None:
    scores, labels, enrol, test = make_speakers()
    metrics = {f.metric for f in score_verification("all", scores, labels, enrol, test, Bootstrap(2))}
    assert not metrics & set(CALIBRATED_METRICS)


def test_scores_have_counts_and_chance_levels() -> None:
    scores, labels, enrol, test = make_speakers()
    figures = {f.metric: f for f in score_verification("all", scores, labels, enrol, test, Bootstrap(20))}
    assert {f.n for f in figures.values()} == {780}
    assert (figures["targets"].value, figures["speakers"].value) == (60, 10)
    assert (figures["EER"].chance, figures["minDCF(0.05)"].chance) == (50.0, 1.0)


ENROL, TEST = np.array([0, 0, 0, 3, 1, 3, 1, 0]), np.array([0, 1, 3, 3, 1, 2, 2, 3])


def copies(drawn: np.ndarray, enrol: int, test: int) -> int:
    """How often a trial occurs among the speakers drawn: within each copy, or between any two."""
    if enrol == test:
        return int((drawn == enrol).sum())
    return sum(1 for a in drawn for b in drawn if (a, b) == (enrol, test))


def test_weights_of_trials_are_equivalent_to_copies_of_the_speakers() -> None:
    weights = TrialWeights(ENROL, TEST, 4)
    for drawn in ([0, 0, 2, 3, 3, 3], [1, 1, 1, 1], [0, 1, 2, 3]):
        multiplicities = np.bincount(drawn, minlength=4).astype(float)
        expected = [copies(np.array(drawn), e, t) for e, t in zip(ENROL, TEST, strict=True)]
        assert weights.of(multiplicities).tolist() == expected


@pytest.mark.parametrize("trials", [slice(None), ENROL == TEST, ENROL != TEST], ids=["all", "within", "between"])
def test_sums_equal_those_of_the_weighted_trials(trials: slice) -> None:
    enrol, test = ENROL[trials], TEST[trials]
    rng = np.random.default_rng(0)
    values = rng.standard_normal((len(enrol), 3))
    multiplicities = rng.integers(0, 4, size=(5, 4)).astype(float)
    weights = TrialWeights(enrol, test, 4)
    expected = [weights.of(row) @ values for row in multiplicities]
    np.testing.assert_allclose(speaker_sums(values, enrol, test, multiplicities), expected, atol=1e-12)
