"""Linear probes: linear signals are found, noise is not, and groups are never in both training and test."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from espnet_ext.scoring.probe import INVERSE_PENALTIES, cross_validate, fit_probe, in_two_groups, thin_out
from espnet_ext.utils.errors import UserError


def make_rows(signal: float, num: int = 240, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three classes along one direction each, in 12 dimensions; 40 groups that contain all classes."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 3, num)
    rows = rng.standard_normal((num, 12)) + signal * np.eye(12)[classes]
    return rows, np.array(["ara", "eng", "fra"])[classes], np.arange(num) % 40


def test_a_linear_signal_is_found_and_noise_is_not() -> None:
    rows, labels, groups = make_rows(signal=6.0)
    assert (cross_validate(rows, labels, groups) == labels).mean() > 0.97
    rows, labels, groups = make_rows(signal=0.0, num=600)
    assert abs((cross_validate(rows, labels, groups) == labels).mean() - 1 / 3) < 0.08


def test_a_group_is_never_in_training_and_in_test() -> None:
    """Rows that encode only their group: labels that differ by group cannot be predicted."""
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(30), 10)
    labels = np.where(rng.permutation(30) < 15, "a", "b")[groups]
    rows = np.eye(30)[groups] + 0.01 * rng.standard_normal((300, 30))
    assert (cross_validate(rows, labels, groups) == labels).mean() < 0.6
    assert (cross_validate(rows, labels, np.arange(300)) == labels).mean() > 0.99


def test_predictions_equal_those_of_plain_scikit_learn() -> None:
    """For each fold: standardize by the training rows, try each penalty on a fifth of the groups, train on all."""
    rows, labels, groups = make_rows(signal=1.5)
    expected = np.empty_like(labels)
    for train, test in StratifiedGroupKFold(5).split(rows, labels, groups):
        inner, held_out = next(StratifiedGroupKFold(5).split(rows[train], labels[train], groups[train]))
        scores = []
        for penalty in INVERSE_PENALTIES:
            x, y = rows[train][inner], labels[train][inner]
            model = LogisticRegression(C=penalty, max_iter=1000).fit((x - x.mean(0)) / x.std(0), y)
            found = model.predict((rows[train][held_out] - x.mean(0)) / x.std(0))
            scores.append((found == labels[train][held_out]).mean())
        x = rows[train]
        model = LogisticRegression(C=INVERSE_PENALTIES[int(np.argmax(scores))], max_iter=1000)
        model.fit((x - x.mean(0)) / x.std(0), labels[train])
        expected[test] = model.predict((rows[test] - x.mean(0)) / x.std(0))
    assert (cross_validate(rows, labels, groups) == expected).all()


def test_the_strongest_of_equally_good_penalties_is_selected() -> None:
    labels = np.tile(["a", "b"], 60)
    rows = np.where(labels == "a", 1.0, -1.0)[:, None]
    probe = fit_probe(rows, labels, np.arange(120))[-1]
    assert probe.get_params()["C"] == min(INVERSE_PENALTIES)


def test_scale_and_shift_of_a_dimension_do_not_matter() -> None:
    rows, labels, groups = make_rows(signal=2.0)
    moved = rows * np.logspace(-3, 3, 12) + 100
    assert (cross_validate(moved, labels, groups) == cross_validate(rows, labels, groups)).mean() > 0.99


def test_one_class_is_an_error() -> None:
    with pytest.raises(UserError, match="all are `eng`"):
        cross_validate(np.eye(3), np.array(["eng"] * 3), np.arange(3))


def test_few_rows_are_sufficient() -> None:
    rows, labels = np.array([[0.0], [1.0], [0.1], [0.9]]), np.array(["a", "b", "a", "b"])
    assert (cross_validate(rows, labels, np.array([0, 0, 1, 1])) == labels).all()


def test_a_class_of_one_group_is_not_testable() -> None:
    labels = np.array(["a", "a", "b", "b", "c"])
    assert in_two_groups(labels, np.array([0, 1, 2, 2, 3])).tolist() == [True, True, False, False, False]


def test_thinning_keeps_whole_groups_and_the_same_ones() -> None:
    groups = np.repeat(np.arange(50), 10)
    kept = thin_out(groups, seed=0, max_rows=105)
    assert len(kept) == 100 and (np.bincount(groups[kept], minlength=50) % 10 == 0).all()
    assert (thin_out(groups, seed=0, max_rows=105) == kept).all()
    assert (thin_out(groups, seed=1, max_rows=105) != kept).any()
    assert (thin_out(groups, seed=0) == np.arange(500)).all()
