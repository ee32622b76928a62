"""Speaker verification from scores: EER, minDCF and, calibrated, actDCF and Cllr, with intervals over speakers."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy import sparse

from espnet_ext.scoring.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Score, make_counts, make_scores
from espnet_ext.scoring.calibration import Calibration, decision_costs, min_cllr, ratio_costs
from espnet_ext.scoring.roc import Roc, SortedTrials, sort_trials

PRIORS = (0.01, 0.05)
METRICS = ("EER", *(f"minDCF({prior})" for prior in PRIORS))
COST_METRICS = (*(f"actDCF({prior})" for prior in PRIORS), "Cllr")
CALIBRATED_METRICS = (*COST_METRICS, "minCllr")


class _Resampled(NamedTuple):
    """Speaker numbers (trials,) of the two sides, and multiplicities (resamples, speakers)."""

    enrol: np.ndarray
    test: np.ndarray
    weights: np.ndarray


def score_verification(
    protocol: str,
    scores: np.ndarray,
    labels: np.ndarray,
    enrol_speakers: Sequence,
    test_speakers: Sequence,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    calibration: Calibration | None = None,
) -> list[Score]:
    """Scores of a trial list, each with its 95 % interval over speakers.

    Args:
        protocol: name of the trial list.
        scores, labels: (trials,).
        enrol_speakers, test_speakers: (trials,) speaker ids of the two sides.
        calibration: fitted on trials of other speakers; without it there is no actDCF and no Cllr.

    Raises:
        UserError: see `sort_trials`.
    """
    trials = sort_trials(scores, labels)
    speakers, numbers = np.unique(np.concatenate([enrol_speakers, test_speakers]), return_inverse=True)
    enrol, test = numbers.reshape(2, -1)
    resampled = _Resampled(enrol, test, bootstrap.weights(len(speakers)))
    measured = [_measure_roc(trials, resampled, with_cllr=calibration is not None)]
    if calibration:
        measured.append(_measure_costs(calibration.llrs(scores), labels, resampled))
    results = []
    for values, draws in measured:
        # A random score has an EER of 50; blind decisions have normalized costs of 1, and 1 bit of Cllr.
        chance = [50.0 if metric == "EER" else 1.0 for metric in values]
        results += make_scores(protocol, len(scores), values, chance, draws)
    return results + make_counts(protocol, len(scores), {"speakers": len(speakers), "targets": int(labels.sum())})


def _measure_roc(trials: SortedTrials, resampled: _Resampled, with_cllr: bool) -> tuple[dict[str, float], np.ndarray]:
    """Metrics that depend only on the order of the scores: their values, and draws (resamples, metrics).

    NaN for a resample without target trials or without non-target trials.
    """
    functions: dict[str, Callable[[Roc], float]] = {"EER": Roc.eer}
    functions |= {f"minDCF({prior})": partial(Roc.min_dcf, prior=prior) for prior in PRIORS}
    if with_cllr:
        functions["minCllr"] = min_cllr
    enrol, test, weights = resampled
    pairs = [
        TrialWeights(enrol[one.trials], test[one.trials], weights.shape[1])
        for one in (trials.targets, trials.nontargets)
    ]
    draws = np.full((len(weights), len(functions)), np.nan)
    for i, row in enumerate(weights):
        roc = trials.roc(*(pair.of(row) for pair in pairs))
        if roc.has_both_classes:
            draws[i] = [function(roc) for function in functions.values()]
    roc = trials.plain_roc()
    return {metric: function(roc) for metric, function in functions.items()}, draws


def _measure_costs(llrs: np.ndarray, labels: np.ndarray, resampled: _Resampled) -> tuple[dict[str, float], np.ndarray]:
    """Metrics of the log-likelihood ratios' values: a mean over targets plus a mean over non-targets."""
    enrol, test, weights = resampled
    columns = [decision_costs(llrs, labels, prior) for prior in PRIORS]
    costs = np.stack([*columns, ratio_costs(llrs, labels), np.ones(len(llrs))], axis=1)
    values, draws = np.zeros(()), np.zeros(())
    for one in (labels, ~labels):
        values = values + costs[one].mean(axis=0)
        sums = speaker_sums(costs[one], enrol[one], test[one], weights)
        with np.errstate(invalid="ignore"):
            draws = draws + sums / sums[:, -1:]
    return dict(zip(COST_METRICS, values, strict=False)), draws[:, :-1]


class TrialWeights:
    """Weights of trials in resamples of the speakers.

    A trial between two speakers occurs once for each pair of their copies. A trial within one speaker occurs once for
    each copy: two copies of a speaker are not a trial.

    Args:
        enrol, test: (trials,) speaker numbers.
        num_speakers: number of speakers.
    """

    def __init__(self, enrol: np.ndarray, test: np.ndarray, num_speakers: int) -> None:
        self._enrol = enrol
        # The entry after the last speaker has weight one, for trials within a speaker.
        self._partner = np.where(enrol == test, num_speakers, test)
        # Allocating arrays of this size for every resample would take most of the time.
        self._weights, self._factors = np.empty((2, len(enrol)))

    def of(self, speaker_weights: np.ndarray) -> np.ndarray:
        """Weights (trials,) for multiplicities (speakers,); the next call overwrites them."""
        speaker_weights = np.append(speaker_weights, 1.0)
        # With "clip" instead of "raise" numpy writes to `out` directly.
        np.take(speaker_weights, self._enrol, out=self._weights, mode="clip")
        np.take(speaker_weights, self._partner, out=self._factors, mode="clip")
        self._weights *= self._factors
        return self._weights


def speaker_sums(values: np.ndarray, enrol: np.ndarray, test: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sums of values over trials that are weighted as by `TrialWeights`, computed as matrix products.

    Trials of the same pair of speakers have the same weight: their values are added once.

    Args:
        values: (trials, columns).
        enrol, test: (trials,) speaker numbers.
        weights: (resamples, speakers) multiplicities.

    Returns:
        (resamples, columns).
    """
    within = enrol == test
    num_speakers = weights.shape[1]
    sums = np.zeros((num_speakers, values.shape[1]))
    np.add.at(sums, enrol[within], values[within])
    places = (test[~within], enrol[~within])
    pairs = (sparse.csr_array((column, places), (num_speakers, num_speakers)) for column in values[~within].T)
    between = [np.einsum("sr,rs->r", pair @ weights.T, weights) for pair in pairs]
    return weights @ sums + np.stack(between, axis=1)
