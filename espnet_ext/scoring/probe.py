"""Linear probes: what a linear classifier can read of a label from frozen embeddings.

The probe is L2-regularised logistic regression on standardised dimensions. It is tested on groups
(speakers, sentences) that it was not trained on; how strongly it is regularised is chosen within
its training groups. All of it is deterministic.
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
# scikit-learn's C, from strong to weak: the best on a fifth of the training groups, of equals the strongest.
INVERSE_PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)
MAX_ITERATIONS = 1000
# Half a minute a head for a hundred classes of 1,024 dimensions; more rows would hardly change the figure.
MAX_ROWS = 10_000


def cross_validate(rows: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Predict each row's label by a probe that was trained on the other groups.

    Args:
        rows: (n, dim) embeddings.
        labels: (n,) names of classes; each class has at least two groups (see `in_two_groups`).
        groups: (n,) ids; rows of one group are never on both sides.

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
    """Train a probe, its regularisation chosen by a part of its own groups; see `cross_validate`."""
    _check_classes(labels)
    for train, held_out in _split(labels, groups)[:1]:
        if len(np.unique(labels[train])) > 1:
            probes = [_fit(rows[train], labels[train], penalty) for penalty in INVERSE_PENALTIES]
            scores = [probe.score(rows[held_out], labels[held_out]) for probe in probes]
            return _fit(rows, labels, INVERSE_PENALTIES[int(np.argmax(scores))])
    return _fit(rows, labels, INVERSE_PENALTIES[0])  # too few rows to hold any out


def _fit(rows: np.ndarray, labels: np.ndarray, inverse_penalty: float) -> Pipeline:
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=inverse_penalty, max_iter=MAX_ITERATIONS))
    # Sums must not depend on the number of cores; products this small are no faster on several.
    with threadpool_limits(1):
        return probe.fit(rows, labels)


def _check_classes(labels: np.ndarray) -> None:
    classes = np.unique(labels)
    if len(classes) < 2:
        which = f"all are `{classes[0]}`" if len(classes) else "there is none"
        raise UserError(f"a probe needs utterances of two classes or more: {which}")


def _split(labels: np.ndarray, groups: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to train on and rows to test on, of each fold; classes spread over the folds as groups allow."""
    _, counts = np.unique(labels, return_counts=True)
    folds = min(FOLDS, len(np.unique(groups)), int(counts.max()))
    if folds < 2:
        return []
    with catch_warnings():
        simplefilter("ignore", UserWarning)  # a class of fewer rows than folds is not in every fold
        splits = list(StratifiedGroupKFold(folds).split(labels, labels, groups))
    return [(train, test) for train, test in splits if len(train) and len(test)]


def in_two_groups(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Rows (n,) bool of classes with at least two groups: a class of one group is never seen in training."""
    pairs = np.unique(np.stack([labels, groups]), axis=1)
    classes, counts = np.unique(pairs[0], return_counts=True)
    return np.isin(labels, classes[counts > 1])


def thin_out(groups: np.ndarray, seed: int, max_rows: int = MAX_ROWS) -> np.ndarray:
    """Rows to keep, sorted: all, or whole groups at random as long as they fit into `max_rows`."""
    names, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    room, kept = max_rows, np.zeros(len(names), dtype=bool)
    order = range(len(names)) if len(groups) <= max_rows else np.random.default_rng(seed).permutation(len(names))
    for group in order:
        kept[group] = sizes[group] <= room
        room -= sizes[group] * kept[group]
    return np.flatnonzero(kept[group_of])
