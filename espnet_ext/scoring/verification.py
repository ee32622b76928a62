"""Speaker verification from scores: EER and minDCF, with intervals over speakers."""

from collections.abc import Callable, Sequence

import numpy as np

from espnet_ext.errors import UserError
from espnet_ext.scoring.bootstrap import percentile_interval, resample_weights
from espnet_ext.scoring.figure import Figure

PRIORS = (0.01, 0.05)
METRICS = ("EER", *(f"minDCF({prior})" for prior in PRIORS))
# EER of a coin; a system that accepts all or none has a normalised minDCF of one.
CHANCE = (50.0, *(1.0 for _ in PRIORS))


def error_rates(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The corners of the plain ROC, from "accept none" to "accept all"; trials of equal score move together.

    Args:
        scores: (trials,), larger is more likely the same speaker.
        labels: (trials,) bool, True for a target trial.

    Returns:
        false acceptance and false rejection rates, (corners,) each.

    Raises:
        UserError: a score that is not finite, or a class without trials.
    """
    rates = _rates_by_weight(scores, labels)
    return rates(np.ones(len(scores)))


def _rates_by_weight(
    scores: np.ndarray, labels: np.ndarray
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Sort once; the function returned gives the ROC of the trials under any weights (trials,)."""
    _check(scores, labels)
    order = np.argsort(-scores, kind="stable")
    targets = labels[order].astype(np.float64)
    steps = _steps(scores[order], targets)

    def rates(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weights = weights[order]
        accepted = np.append(0.0, np.cumsum(np.add.reduceat(weights, steps)))
        hits = np.append(0.0, np.cumsum(np.add.reduceat(weights * targets, steps)))
        misses = hits[-1] - hits
        alarms = accepted - hits
        with np.errstate(invalid="ignore"):
            return alarms / alarms[-1], misses / hits[-1]

    return rates


def _steps(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Where each straight piece of the ROC starts in the sorted trials.

    A group of equal scores is one piece. Neighbouring groups of one class alone lie on one
    horizontal or vertical line, whatever the weights: as one piece they cost a tenth.
    """
    starts = np.append(0, np.flatnonzero(np.diff(scores)) + 1)
    share = np.add.reduceat(targets, starts) / np.diff(np.append(starts, len(scores)))
    continues = (np.diff(share) == 0) & ((share[1:] == 0) | (share[1:] == 1))
    return starts[np.append(True, ~continues)]


def _check(scores: np.ndarray, labels: np.ndarray) -> None:
    broken = np.flatnonzero(~np.isfinite(scores))
    if broken.size:
        raise UserError(f"the score of trial {broken[0] + 1} is {scores[broken[0]]}, not a number to rank by")
    for label, name in ((True, "target"), (False, "non-target")):
        if not (labels == label).any():
            raise UserError(f"the list has no {name} trial; error rates need trials of both classes")


def eer_of(alarms: np.ndarray, misses: np.ndarray) -> float:
    """EER in percent: where the line between two neighbouring points of the ROC meets alarms = misses.

    All scores tied give 50, a perfectly inverted system 100.
    """
    gap = alarms - misses
    after = int(np.argmax(gap >= 0))
    # The first point accepts nothing: its gap is -1, so there is always one before.
    before = after - 1
    step = -gap[before] / (gap[after] - gap[before])
    return 100.0 * float(misses[before] + step * (misses[after] - misses[before]))


def min_dcf_of(alarms: np.ndarray, misses: np.ndarray, prior: float) -> float:
    """Lowest detection cost over all thresholds over that of the better blind decision; C_miss = C_fa = 1."""
    return float((prior * misses + (1.0 - prior) * alarms).min()) / min(prior, 1.0 - prior)


def equal_error_rate(scores: np.ndarray, labels: np.ndarray) -> float:
    """EER in percent of (trials,) scores and bool labels."""
    return eer_of(*error_rates(scores, labels))


def min_dcf(scores: np.ndarray, labels: np.ndarray, prior: float) -> float:
    """Normalised minDCF at the target prior `prior`."""
    return min_dcf_of(*error_rates(scores, labels), prior)


def trial_weights(speaker_weights: np.ndarray, enrol: np.ndarray, test: np.ndarray) -> np.ndarray:
    """How often a trial occurs when each speaker occurs that often.

    A trial between two speakers occurs once for each pair of their copies; a trial within
    one speaker once for each copy, since two copies of one speaker are no trial of anybody.

    Args:
        speaker_weights: (speakers,).
        enrol, test: (trials,) speaker indices.
    """
    first = speaker_weights[enrol]
    return np.where(enrol == test, first, first * speaker_weights[test])


def score_verification(
    protocol: str,
    scores: np.ndarray,
    labels: np.ndarray,
    enrol_speakers: Sequence[str],
    test_speakers: Sequence[str],
    resamples: int = 1000,
    seed: int = 0,
) -> list[Figure]:
    """EER and minDCF of a trial list, each with its 95 % interval over speakers.

    Args:
        protocol: name of the trial list.
        scores, labels: (trials,).
        enrol_speakers, test_speakers: (trials,) speaker ids of the two sides.

    Raises:
        UserError: see `error_rates`.
    """
    rates = _rates_by_weight(scores, labels)
    speakers, index = np.unique(np.concatenate([enrol_speakers, test_speakers]), return_inverse=True)
    enrol, test = index.reshape(2, -1)
    weights = resample_weights(len(speakers), resamples, seed)
    draws = [_metrics(*rates(trial_weights(row, enrol, test))) for row in weights]
    low, high = percentile_interval(np.array(draws).reshape(-1, len(METRICS)))
    values = _metrics(*rates(np.ones(len(scores))))
    trials = len(scores)
    figures = [
        Figure(protocol, metric, value, trials, float(low[i]), float(high[i]), CHANCE[i])
        for i, (metric, value) in enumerate(zip(METRICS, values, strict=True))
    ]
    counts = {"speakers": len(speakers), "targets": int(labels.sum())}
    return figures + [Figure(protocol, name, count, trials) for name, count in counts.items()]


def _metrics(alarms: np.ndarray, misses: np.ndarray) -> list[float]:
    """The values of METRICS; NaN for a resample that drew trials of one class only."""
    if np.isnan(alarms[-1]) or np.isnan(misses[0]):
        return [np.nan] * len(METRICS)
    return [eer_of(alarms, misses), *(min_dcf_of(alarms, misses, prior) for prior in PRIORS)]
