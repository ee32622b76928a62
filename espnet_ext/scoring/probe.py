"""Linear probes: how well a linear classifier predicts a label from frozen embeddings.

The probe is L2-regularized logistic regression on standardized dimensions. It is tested on groups (speakers,
sentences) that it was not trained on. The regularization strength is selected within the training groups. Everything
is deterministic.
"""

from warnings import catch_warnings, simplefilter

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from espnet_ext.utils.errors import UserError

FOLDS = 5
# scikit-learn's C, from strong to weak. The best on a fifth of the training groups is used, the strongest of equals.
INVERSE_PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)
MAX_ITERATIONS = 1000
# Half a minute per head with 100 classes and 1,024 dimensions; more rows would hardly change the score.
MAX_ROWS = 10_000


def cross_validate(rows: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Predict each row's label by a probe trained on other groups.

    Args:
        rows: (n, dim) embeddings.
        labels: (n,) names of classes; each class has at least two groups (see `in_two_groups`).
        groups: (n,) ids; rows of one group are never in both training and test data.

    Returns:
        (n,) names of classes.

    Raises:
        UserError: fewer than two classes.
    """
    _check_classes(labels)
    predicted = np.zeros_like(labels)
    for train, test in _split(labels, groups):
        predicted[test] = fit_probe(rows[train], labels[train], groups[train]).predict(rows[test])
    return predicted


def fit_probe(rows: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> Pipeline:
    """Train a probe; its regularization is selected on a part of its groups. See `cross_validate`."""
    _check_classes(labels)
    for train, held_out in _split(labels, groups)[:1]:
        if len(np.unique(labels[train])) > 1:
            probes = [_fit(rows[train], labels[train], penalty) for penalty in INVERSE_PENALTIES]
            scores = [probe.score(rows[held_out], labels[held_out]) for probe in probes]
            return _fit(rows, labels, INVERSE_PENALTIES[int(np.argmax(scores))])
    return _fit(rows, labels, INVERSE_PENALTIES[0])  # too few rows to hold out a part


def _fit(rows: np.ndarray, labels: np.ndarray, inverse_penalty: float) -> Pipeline:
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=inverse_penalty, max_iter=MAX_ITERATIONS))
    # Sums must not depend on the number of cores. Products this small are not faster on several.
    with threadpool_limits(1):
        return probe.fit(rows, labels)


def _check_classes(labels: np.ndarray) -> None:
    classes = np.unique(labels)
    if len(classes) < 2:
        which = f"all are `{classes[0]}`" if len(classes) else "there is none"
        raise UserError(f"a probe needs utterances of two classes or more: {which}")


def _split(labels: np.ndarray, groups: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Training rows and test rows of each fold; classes are spread over the folds as far as groups allow."""
    _, counts = np.unique(labels, return_counts=True)
    folds = min(FOLDS, len(np.unique(groups)), int(counts.max()))
    if folds < 2:
        return []
    with catch_warnings():
        simplefilter("ignore", UserWarning)  # a class with fewer rows than folds is not in every fold
        splits = list(StratifiedGroupKFold(folds).split(labels, labels, groups))
    return [(train, test) for train, test in splits if len(train) and len(test)]


def in_two_groups(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Mask (n,) of rows whose class has at least two groups: otherwise it cannot be in both training and test data."""
    pairs = np.unique(np.stack([labels, groups]), axis=1)
    classes, counts = np.unique(pairs[0], return_counts=True)
    return np.isin(labels, classes[counts > 1])


def thin_out(groups: np.ndarray, seed: int, max_rows: int = MAX_ROWS) -> np.ndarray:
    """Select rows, sorted: all, or randomly chosen whole groups with at most `max_rows` rows in total."""
    names, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    room, kept = max_rows, np.zeros(len(names), dtype=bool)
    order = range(len(names)) if len(groups) <= max_rows else np.random.default_rng(seed).permutation(len(names))
    for group in order:
        kept[group] = sizes[group] <= room
        room -= sizes[group] * kept[group]
    return np.flatnonzero(kept[group_of])
