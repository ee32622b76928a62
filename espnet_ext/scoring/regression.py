"""Regression from true and predicted numbers: errors and correlations, with intervals over speakers."""

from typing import NamedTuple

import numpy as np

from espnet_ext.scoring.bootstrap import Bootstrap, Resamples, percentile_interval
from espnet_ext.scoring.figure import Figure
from espnet_ext.utils.errors import UserError

METRICS = ("MAE", "RMSE", "Pearson", "CCC")
DEFAULT_BOOTSTRAP = Bootstrap()


class Estimates(NamedTuple):
    """True and predicted numbers in the label's unit, and the ids of what a resample draws: (n,) each."""

    truth: np.ndarray
    predicted: np.ndarray
    units: np.ndarray


def score_regression(
    protocol: str, estimates: Estimates, training_mean: float, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> list[Figure]:
    """Mean absolute error, root mean squared error, Pearson's and Lin's concordance correlation (CCC).

    Errors are in the label's unit; by chance = always answering the training mean, which
    correlates with nothing. There is no interval where there is one unit.

    Raises:
        UserError: no item, or items that all have one number, which nothing can correlate with.
    """
    truth, predicted, units = estimates
    if len(np.unique(truth)) < 2:
        which = f"all {len(truth)} utterances are {truth[0]:g}" if len(truth) else "no utterance has a label"
        raise UserError(f"{which}: regression needs two different numbers or more")
    constant = np.full(len(truth), training_mean)
    chance = [*_metrics(_moments(truth, constant, training_mean).mean(axis=0)[None])[0, :2], 0.0, 0.0]
    moments = _moments(truth, predicted, training_mean)
    names, unit = np.unique(units, return_inverse=True)
    draws = _metrics(Resamples(len(names), bootstrap).means(moments, unit))
    low, high = percentile_interval(draws if len(names) > 1 else draws[:0])
    values = _metrics(moments.mean(axis=0)[None])[0]
    figures = [
        Figure(protocol, metric, float(values[i]), len(truth), float(low[i]), float(high[i]), float(chance[i]))
        for i, metric in enumerate(METRICS)
    ]
    return [*figures, Figure(protocol, "units", len(names), len(truth))]


def _moments(truth: np.ndarray, predicted: np.ndarray, centre: float) -> np.ndarray:
    """(n, 7): |error|, error^2, and x, y, x^2, y^2, xy about a common centre, which keeps their digits."""
    x, y = truth - centre, predicted - centre
    return np.stack([np.abs(x - y), (x - y) ** 2, x, y, x * x, y * y, x * y], axis=1)


def _metrics(means: np.ndarray) -> np.ndarray:
    """METRICS (resamples, 4) from means of `_moments` (resamples, 7); a constant has no correlation, so 0."""
    absolute, squared, x, y, xx, yy, xy = means.T
    var_x, var_y, covariance = xx - x * x, yy - y * y, xy - x * y
    # Differences of means leave rounding noise where there is no variance.
    constant = np.minimum(var_x, var_y) <= 1e-12 * np.maximum(xx, yy)
    with np.errstate(invalid="ignore", divide="ignore"):
        pearson = covariance / np.sqrt(var_x * var_y)
        ccc = 2 * covariance / (var_x + var_y + (x - y) ** 2)
    correlations = (np.where(constant, 0.0, column) for column in (pearson, ccc))
    return np.stack([absolute, np.sqrt(squared), *correlations], axis=1)
