"""Calibration of scores to log-likelihood ratios, fitted on trials of other speakers, and costs of the ratios.

References: Brümmer and du Preez, "Application-independent evaluation of speaker detection", 2006 (Cllr
and its minimum); Brümmer and Doddington, "Likelihood-ratio calibration using prior-weighted proper
scoring rules", 2013 (the training).
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from espnet_ext.scoring.roc import Roc, sort_trials

# Target prior of the fit: the middle one of the three at which ratios are scored (0.01, 0.05, 0.5).
TRAINING_PRIOR = 0.05
# Weight of the data against the penalty on the slope. The penalty matters only if the development trials are
# separable: the slope would be infinite.
INVERSE_PENALTY = 1e9


@dataclass(frozen=True)
class Calibration:
    """log p(score | same speaker) / p(score | different speakers) = slope * score + offset."""

    slope: float
    offset: float

    def llrs(self, scores: np.ndarray) -> np.ndarray:
        """Natural log-likelihood ratios (trials,) of scores (trials,)."""
        return self.slope * scores + self.offset


def fit_calibration(scores: np.ndarray, labels: np.ndarray, prior: float = TRAINING_PRIOR) -> Calibration:
    """Logistic regression with the two classes weighted by `prior`, independent of their sizes.

    Args:
        scores: (trials,) of the development set.
        labels: (trials,) bool, True for a target trial.

    Raises:
        UserError: see `sort_trials`.
    """
    trials = sort_trials(scores, labels)
    num_targets, num_nontargets = len(trials.targets.trials), len(trials.nontargets.trials)
    weights = np.where(labels, prior / num_targets, (1.0 - prior) / num_nontargets)
    # Standardized, so that the penalty has the same effect on cosines and on normalized scores.
    center, spread = float(scores.mean()), float(scores.std()) or 1.0
    model = LogisticRegression(C=INVERSE_PENALTY, solver="newton-cholesky", tol=1e-8, max_iter=1000)
    model.fit(((scores - center) / spread)[:, None], labels, sample_weight=weights)
    slope = float(model.coef_[0, 0]) / spread
    return Calibration(slope, float(model.intercept_[0]) - slope * center - float(logit(prior)))


def decision_costs(llrs: np.ndarray, labels: np.ndarray, prior: float) -> np.ndarray:
    """Costs of Bayes decisions: their mean over targets plus their mean over non-targets is the normalized actDCF.

    Args:
        llrs, labels: (trials,).
        prior: of a target trial; C_miss = C_fa = 1.

    Returns:
        (trials,).
    """
    accepted = llrs >= -logit(prior)
    return np.where(labels, prior * ~accepted, (1.0 - prior) * accepted) / min(prior, 1.0 - prior)


def ratio_costs(llrs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Costs in bits (trials,): their mean over targets plus their mean over non-targets is the Cllr."""
    return np.logaddexp(0.0, np.where(labels, -llrs, llrs)) / (2.0 * np.log(2.0))


def min_cllr(roc: Roc) -> float:
    """Cllr of the best monotone calibration of the same trials (pool adjacent violators)."""
    hits = np.diff(roc.hits[roc.corner_hits]) / roc.hits[-1]
    alarms = np.diff(roc.alarms[roc.corner_alarms]) / roc.alarms[-1]
    weights = hits + alarms
    drawn = weights > 0
    hits, alarms, weights = hits[drawn], alarms[drawn], weights[drawn]
    # Fraction of targets at a prior of one half: its logit is the log-likelihood ratio.
    share = isotonic_regression(hits / weights, weights=weights, increasing=False).x
    bits = hits[hits > 0] @ np.log2(share[hits > 0]) + alarms[alarms > 0] @ np.log2(1.0 - share[alarms > 0])
    return 0.5 * abs(float(bits))
