"""Classification from true and predicted classes: accuracy, balanced accuracy, macro-F1, intervals over speakers."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from espnet_ext.scoring.bootstrap import Bootstrap, percentile_interval, resample_blocks
from espnet_ext.scoring.figure import Figure
from espnet_ext.utils.errors import UserError

METRICS = ("accuracy", "balanced-accuracy", "macro-F1")
DEFAULT_BOOTSTRAP = Bootstrap()


class Answers(NamedTuple):
    """What was asked and answered, an item (utterance) a row, (n,) each.

    Attributes:
        truth: names of the right classes.
        predicted: names of the classes answered; some may be no item's class.
        units: ids of what a resample draws as a whole, speakers say.
    """

    truth: np.ndarray
    predicted: np.ndarray
    units: np.ndarray


def score_classification(
    protocol: str, answers: Answers, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP, prefix: str = ""
) -> list[Figure]:
    """METRICS in percent, their names after `prefix`, each with its 95 % interval over units; then the counts.

    Means over classes are over the classes that items have: an answer outside them is a miss.
    There is no interval where there is one unit.

    Raises:
        UserError: all items have one class (or there is none), so that there is nothing to tell apart.
    """
    classes, truth = np.unique(answers.truth, return_inverse=True)
    if len(classes) < 2:
        which = f"all {len(truth)} utterances are `{classes[0]}`" if len(classes) else "no utterance has a label"
        raise UserError(f"{which}: classification needs two classes or more")
    counts = _unit_counts(answers, classes)
    draws = np.concatenate([np.empty((0, len(METRICS))), *_resampled(counts, bootstrap)])
    low, high = percentile_interval(draws if counts.shape[0] > 1 else draws[:0])
    values, chance = _metrics(counts.sum(axis=0)[None])[0], chance_levels(np.bincount(truth))
    figures = [
        Figure(protocol, prefix + metric, float(values[i]), len(truth), float(low[i]), float(high[i]), float(chance[i]))
        for i, metric in enumerate(METRICS)
    ]
    numbers = {"classes": len(classes), "units": counts.shape[0]}
    return figures + [Figure(protocol, prefix + name, count, len(truth)) for name, count in numbers.items()]


def chance_levels(support: np.ndarray) -> np.ndarray:
    """METRICS in percent of the better of two guesses: always the most frequent class, or any with equal odds.

    Args:
        support: (classes,) items of each class.
    """
    num_classes, share = len(support), support / support.sum()
    most = share.max()
    constant = 2 * most / (1 + most) / num_classes
    uniform = float((2 * share / (1 + num_classes * share)).mean())
    return 100.0 * np.array([most, 1 / num_classes, max(constant, uniform)])


def _unit_counts(answers: Answers, classes: np.ndarray) -> sparse.csr_array:
    """(units, 3 * classes) sparse: how often each class was right, was asked, was answered, in each unit."""
    units, unit = np.unique(answers.units, return_inverse=True)
    truth, answered = (np.searchsorted(classes, names) for names in (answers.truth, answers.predicted))
    known = np.isin(answers.predicted, classes)
    right = answers.truth == answers.predicted
    rows = np.concatenate([unit[right], unit, unit[known]])
    columns = np.concatenate([truth[right], len(classes) + truth, 2 * len(classes) + answered[known]])
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), (len(units), 3 * len(classes)))


def _resampled(counts: sparse.csr_array, bootstrap: Bootstrap) -> list[np.ndarray]:
    blocks = resample_blocks(counts.shape[0], bootstrap.resamples, bootstrap.seed)
    return [_metrics(block @ counts) for block in blocks]


def _metrics(counts: np.ndarray) -> np.ndarray:
    """METRICS (resamples, 3) from how often each class was right, asked and answered (resamples, 3 * classes)."""
    right, asked, answered = np.split(counts, 3, axis=1)
    present = asked > 0
    with np.errstate(invalid="ignore"):
        accuracy = right.sum(axis=1) / asked.sum(axis=1)
        means = [
            np.where(present, right / one, 0.0).sum(axis=1) / present.sum(axis=1)
            for one in (asked, (asked + answered) / 2)
        ]
    return 100.0 * np.stack([accuracy, *means], axis=1)
