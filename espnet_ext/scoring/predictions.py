"""Scores of predicted labels, with intervals over speakers: accuracies and F1 of classes, errors of numbers."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from espnet_ext.scoring.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Resamples, Score, make_counts, make_scores
from espnet_ext.utils.errors import UserError

CLASS_METRICS = ("accuracy", "balanced-accuracy", "macro-F1")
NUMBER_METRICS = ("MAE", "RMSE", "Pearson", "CCC")


class Predictions(NamedTuple):
    """Labels and predictions of utterances, (n,) each.

    Attributes:
        truth: true class names, or numbers in the label's unit.
        predicted: predicted ones; a predicted class need not occur in `truth`.
        units: ids of what the bootstrap resamples, such as speakers.
    """

    truth: np.ndarray
    predicted: np.ndarray
    units: np.ndarray


def score_classification(
    protocol: str, predictions: Predictions, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP, prefix: str = ""
) -> list[Score]:
    """CLASS_METRICS in percent, named with `prefix`, each with its 95 % interval over units; then counts.

    Means over classes are over the classes in `truth`; a prediction of any other class is a miss.
    There is no interval if there is only one unit.

    Raises:
        UserError: no utterance, or only one class.
    """
    classes, truth = np.unique(predictions.truth, return_inverse=True)
    if len(classes) < 2:
        which = f"all {len(truth)} utterances are `{classes[0]}`" if len(classes) else "no utterance has a label"
        raise UserError(f"{which}: classification needs two classes or more")
    counts = _unit_counts(predictions, classes)
    num_units = counts.shape[0]
    blocks = [_class_metrics(block @ counts) for block in bootstrap.blocks(num_units)] if num_units > 1 else []
    values = _class_metrics(counts.sum(axis=0)[None])[0]
    metrics = {prefix + metric: value for metric, value in zip(CLASS_METRICS, values, strict=True)}
    draws = np.concatenate([np.empty((0, len(metrics))), *blocks])
    return [
        *make_scores(protocol, len(truth), metrics, chance_levels(np.bincount(truth)), draws),
        *make_counts(protocol, len(truth), {f"{prefix}classes": len(classes), f"{prefix}units": num_units}),
    ]


def chance_levels(support: np.ndarray) -> np.ndarray:
    """CLASS_METRICS in percent of the better of two guesses: the most frequent class, or a uniformly random class.

    Args:
        support: (classes,) utterances of each class.
    """
    num_classes, share = len(support), support / support.sum()
    most = share.max()
    constant = 2 * most / (1 + most) / num_classes
    uniform = float((2 * share / (1 + num_classes * share)).mean())
    return 100.0 * np.array([most, 1 / num_classes, max(constant, uniform)])


def _unit_counts(predictions: Predictions, classes: np.ndarray) -> sparse.csr_array:
    """(units, 3 * classes) sparse: in each unit, correct, true and predicted utterances of each class."""
    units, unit = np.unique(predictions.units, return_inverse=True)
    truth, predicted = (np.searchsorted(classes, names) for names in predictions[:2])
    is_class = np.isin(predictions.predicted, classes)
    right = predictions.truth == predictions.predicted
    rows = np.concatenate([unit[right], unit, unit[is_class]])
    columns = np.concatenate([truth[right], len(classes) + truth, 2 * len(classes) + predicted[is_class]])
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), (len(units), 3 * len(classes)))


def _class_metrics(counts: np.ndarray) -> np.ndarray:
    """CLASS_METRICS (resamples, 3) from correct, true and predicted utterances (resamples, 3 * classes)."""
    right, true, predicted = np.split(counts, 3, axis=1)
    occurs = true > 0
    with np.errstate(invalid="ignore"):
        accuracy = right.sum(axis=1) / true.sum(axis=1)
        means = [
            np.where(occurs, right / size, 0.0).sum(axis=1) / occurs.sum(axis=1)
            for size in (true, (true + predicted) / 2)
        ]
    return 100.0 * np.stack([accuracy, *means], axis=1)


def score_regression(
    protocol: str, predictions: Predictions, training_mean: float, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> list[Score]:
    """Mean absolute error, root mean squared error, Pearson's and Lin's concordance correlation (CCC).

    Errors are in the label's unit. Chance level: the training mean for every utterance, which has no correlation.
    There is no interval if there is only one unit.

    Raises:
        UserError: no utterance, or all have the same number.
    """
    truth, predicted, units = predictions
    if len(np.unique(truth)) < 2:
        which = f"all {len(truth)} utterances are {truth[0]:g}" if len(truth) else "no utterance has a label"
        raise UserError(f"{which}: regression needs two different numbers or more")
    constant = _moments(truth, np.full(len(truth), training_mean), training_mean)
    chance = [*_number_metrics(constant.mean(axis=0)[None])[0, :2], 0.0, 0.0]
    moments = _moments(truth, predicted, training_mean)
    names, unit = np.unique(units, return_inverse=True)
    draws = _number_metrics(Resamples(len(names), bootstrap).means(moments, unit))
    metrics = dict(zip(NUMBER_METRICS, _number_metrics(moments.mean(axis=0)[None])[0], strict=True))
    return [
        *make_scores(protocol, len(truth), metrics, chance, draws if len(names) > 1 else draws[:0]),
        *make_counts(protocol, len(truth), {"units": len(names)}),
    ]


def _moments(truth: np.ndarray, predicted: np.ndarray, center: float) -> np.ndarray:
    """(n, 7): |error|, error^2, and x, y, x^2, y^2, xy; a common center keeps their digits."""
    x, y = truth - center, predicted - center
    return np.stack([np.abs(x - y), (x - y) ** 2, x, y, x * x, y * y, x * y], axis=1)


def _number_metrics(means: np.ndarray) -> np.ndarray:
    """NUMBER_METRICS (resamples, 4) from means of `_moments` (resamples, 7); correlations of a constant are 0."""
    absolute, squared, x, y, xx, yy, xy = means.T
    var_x, var_y, covariance = xx - x * x, yy - y * y, xy - x * y
    # Differences of means contain rounding noise where there is no variance.
    constant = np.minimum(var_x, var_y) <= 1e-12 * np.maximum(xx, yy)
    with np.errstate(invalid="ignore", divide="ignore"):
        pearson = covariance / np.sqrt(var_x * var_y)
        ccc = 2 * covariance / (var_x + var_y + (x - y) ** 2)
    correlations = (np.where(constant, 0.0, column) for column in (pearson, ccc))
    return np.stack([absolute, np.sqrt(squared), *correlations], axis=1)
