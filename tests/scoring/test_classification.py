"""Accuracy, balanced accuracy and macro-F1 against scikit-learn, resample by resample; chance by simulation."""

import warnings

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from espnet_ext.scoring.bootstrap import Bootstrap
from espnet_ext.scoring.classification import METRICS, Answers, chance_levels, score_classification
from espnet_ext.scoring.figure import Figure
from espnet_ext.utils.errors import UserError


def scikit_metrics(truth: np.ndarray, predicted: np.ndarray) -> list[float]:
    with warnings.catch_warnings():  # of answers that are no item's class
        warnings.simplefilter("ignore")
        f1 = f1_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0.0)
        return [100 * accuracy_score(truth, predicted), 100 * balanced_accuracy_score(truth, predicted), 100 * f1]


@pytest.fixture
def answers() -> Answers:
    """300 items of 20 speakers and four classes of unequal size; some answers are a class that no item has."""
    rng = np.random.default_rng(4)
    truth = rng.choice(["ara", "eng", "fra", "zho"], 300, p=[0.1, 0.5, 0.3, 0.1])
    guess = rng.choice(["ara", "deu", "eng", "fra"], 300)
    return Answers(truth, np.where(rng.random(300) < 0.6, truth, guess), rng.choice([f"s{i}" for i in range(20)], 300))


def by_metric(figures: list[Figure]) -> dict[str, Figure]:
    return {figure.metric: figure for figure in figures}


def test_values_are_those_of_scikit_learn(answers: Answers) -> None:
    figures = by_metric(score_classification("classifier", answers))
    assert [figures[metric].value for metric in METRICS] == pytest.approx(scikit_metrics(*answers[:2]))
    assert {figure.n for figure in figures.values()} == {300}
    assert figures["classes"].value == 4 and figures["units"].value == 20


def test_intervals_are_those_of_speakers_copied_by_hand(answers: Answers) -> None:
    figures = by_metric(score_classification("classifier", answers, Bootstrap(200, seed=3)))
    speakers = np.unique(answers.units)
    rows = [np.flatnonzero(answers.units == speaker) for speaker in speakers]
    drawn = np.random.default_rng(3).integers(0, 20, size=(200, 20))
    draws = []
    for units in drawn:
        items = np.concatenate([rows[unit] for unit in units])
        draws.append(scikit_metrics(answers.truth[items], answers.predicted[items]))
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    assert [figures[metric].low for metric in METRICS] == pytest.approx(low)
    assert [figures[metric].high for metric in METRICS] == pytest.approx(high)


@pytest.mark.parametrize("support", [[50, 50], [90, 10], [5, 5, 5, 85], [20, 30, 40]])
def test_chance_is_the_better_of_two_guesses_without_looking(support: list[int]) -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(len(support)), 2000 * np.array(support))
    constant = scikit_metrics(truth, np.full(len(truth), np.argmax(support)))
    uniform = scikit_metrics(truth, rng.integers(0, len(support), len(truth)))
    assert chance_levels(np.array(support)) == pytest.approx(np.maximum(constant, uniform), abs=0.4)


def test_a_set_of_one_class_is_an_error() -> None:
    with pytest.raises(UserError, match="all 3 utterances are `eng`"):
        score_classification("classifier", Answers(*[np.array(["eng"] * 3)] * 3))
    with pytest.raises(UserError, match="no utterance has a label"):
        score_classification("classifier", Answers(*[np.array([], str)] * 3))


def test_one_speaker_has_no_interval() -> None:
    answers = Answers(np.array(["a", "b", "b"]), np.array(["a", "b", "a"]), np.array(["s", "s", "s"]))
    figure = by_metric(score_classification("x", answers))["accuracy"]
    assert figure.value == pytest.approx(200 / 3)
    assert np.isnan([figure.low, figure.high]).all()


def test_speakers_widen_the_interval_of_utterances() -> None:
    """Ten speakers whose utterances are all right or all wrong say no more than ten utterances."""
    units = np.repeat(np.arange(10), 50)
    truth = np.tile(["a", "b"], 250)
    predicted = np.where(units < 5, truth, "c")
    by_speaker = by_metric(score_classification("x", Answers(truth, predicted, units)))["accuracy"]
    by_item = by_metric(score_classification("x", Answers(truth, predicted, np.arange(500))))["accuracy"]
    assert by_speaker.high - by_speaker.low > 5 * (by_item.high - by_item.low)
