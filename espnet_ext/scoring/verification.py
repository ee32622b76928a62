"""Speaker verification from scores: EER, minDCF and, calibrated, actDCF and Cllr, with intervals over speakers."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from espnet_ext.scoring.bootstrap import Bootstrap, percentile_interval, resample_weights
from espnet_ext.scoring.calibration import Calibration, decision_costs, min_cllr, ratio_costs
from espnet_ext.scoring.figure import Figure
from espnet_ext.scoring.roc import Roc, SortedTrials, sort_trials
from espnet_ext.scoring.speaker_weights import SpeakerSums, TrialWeights

PRIORS = (0.01, 0.05)
METRICS = ("EER", *(f"minDCF({prior})" for prior in PRIORS))
COST_METRICS = (*(f"actDCF({prior})" for prior in PRIORS), "Cllr")
CALIBRATED_METRICS = (*COST_METRICS, "minCllr")
# EER of a coin; a system that accepts all or none has normalised costs of one, and says one bit too little.
CHANCE = {"EER": 50.0} | {metric: 1.0 for metric in (*METRICS[1:], *CALIBRATED_METRICS)}


def equal_error_rate(scores: np.ndarray, labels: np.ndarray) -> float:
    """EER in percent of (trials,) scores and bool labels (see `sort_trials` for the errors)."""
    return sort_trials(scores, labels).plain_roc().eer()


def min_dcf(scores: np.ndarray, labels: np.ndarray, prior: float) -> float:
    """Normalised minDCF at the target prior `prior`."""
    return sort_trials(scores, labels).plain_roc().min_dcf(prior)


class _Resampled(NamedTuple):
    """Trials between numbered speakers, and how often each speaker was drawn: (resamples, speakers)."""

    enrol: np.ndarray
    test: np.ndarray
    weights: np.ndarray


class _Measured(NamedTuple):
    """Metrics of the trials as they are (metrics,) and of the resamples (resamples, metrics)."""

    metrics: Sequence[str]
    values: np.ndarray
    draws: np.ndarray


def score_verification(
    protocol: str,
    scores: np.ndarray,
    labels: np.ndarray,
    enrol_speakers: Sequence,
    test_speakers: Sequence,
    bootstrap: Bootstrap | None = None,
    calibration: Calibration | None = None,
) -> list[Figure]:
    """Figures of a trial list, each with its 95 % interval over speakers.

    Args:
        protocol: name of the trial list.
        scores, labels: (trials,).
        enrol_speakers, test_speakers: (trials,) speaker ids of the two sides.
        calibration: learnt on trials of other speakers; without it there is no actDCF and no Cllr.

    Raises:
        UserError: see `sort_trials`.
    """
    bootstrap = bootstrap or Bootstrap()
    trials = sort_trials(scores, labels)
    speakers, numbers = np.unique(np.concatenate([enrol_speakers, test_speakers]), return_inverse=True)
    weights = resample_weights(len(speakers), bootstrap.resamples, bootstrap.seed)
    resampled = _Resampled(*numbers.reshape(2, -1), weights)
    measured = [_measure_roc(trials, resampled, with_cllr=calibration is not None)]
    if calibration:
        measured.append(_measure_costs(calibration.llrs(scores), labels, resampled))
    figures = []
    for metrics, values, draws in measured:
        low, high = percentile_interval(draws)
        figures += [
            Figure(protocol, metric, float(values[i]), len(scores), float(low[i]), float(high[i]), CHANCE[metric])
            for i, metric in enumerate(metrics)
        ]
    counts = {"speakers": len(speakers), "targets": int(labels.sum())}
    return figures + [Figure(protocol, name, count, len(scores)) for name, count in counts.items()]


def _measure_roc(trials: SortedTrials, resampled: _Resampled, with_cllr: bool) -> _Measured:
    """What the order of the scores decides; NaN for a resample that drew trials of one class only."""
    functions: dict[str, Callable[[Roc], float]] = {"EER": Roc.eer}
    functions |= {f"minDCF({prior})": lambda roc, prior=prior: roc.min_dcf(prior) for prior in PRIORS}
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
    values = [function(trials.plain_roc()) for function in functions.values()]
    return _Measured(list(functions), np.array(values), draws)


def _measure_costs(llrs: np.ndarray, labels: np.ndarray, resampled: _Resampled) -> _Measured:
    """What the values of the log-likelihood ratios decide: a mean over targets plus one over non-targets."""
    enrol, test, weights = resampled
    columns = [decision_costs(llrs, labels, prior) for prior in PRIORS]
    costs = np.stack([*columns, ratio_costs(llrs, labels), np.ones(len(llrs))], axis=1)
    values, draws = 0.0, 0.0
    for one in (labels, ~labels):
        values = values + costs[one].mean(axis=0)
        sums = SpeakerSums(costs[one], enrol[one], test[one], weights.shape[1]).of(weights)
        with np.errstate(invalid="ignore"):
            draws = draws + sums / sums[:, -1:]
    return _Measured(COST_METRICS, values[:-1], draws[:, :-1])
