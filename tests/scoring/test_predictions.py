"""Scores of classes and numbers against scikit-learn and scipy, resample by resample; chance by simulation."""

import warnings

import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    mean_absolute_error,
    root_mean_squared_error,
)

from espnet_ext.scoring.bootstrap import Bootstrap, Score
from espnet_ext.scoring.predictions import (
    CLASS_METRICS,
    NUMBER_METRICS,
    Predictions,
    chance_levels,
    score_classification,
    score_regression,
)
from espnet_ext.utils.errors import UserError


def scikit_metrics(truth: np.ndarray, predicted: np.ndarray) -> list[float]:
    with warnings.catch_warnings():  # of predictions that are not the class of any item
        warnings.simplefilter("ignore")
        f1 = f1_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0.0)
        return [100 * accuracy_score(truth, predicted), 100 * balanced_accuracy_score(truth, predicted), 100 * f1]


@pytest.fixture
def predictions() -> Predictions:
    """300 items of 20 speakers and four classes of unequal size; some predictions are a class without items."""
    rng = np.random.default_rng(4)
    truth = rng.choice(["ara", "eng", "fra", "zho"], 300, p=[0.1, 0.5, 0.3, 0.1])
    guess = rng.choice(["ara", "deu", "eng", "fra"], 300)
    return Predictions(
        truth, np.where(rng.random(300) < 0.6, truth, guess), rng.choice([f"s{i}" for i in range(20)], 300)
    )


def by_metric(scores: list[Score]) -> dict[str, Score]:
    return {score.metric: score for score in scores}


def test_values_equal_those_of_scikit_learn(predictions: Predictions) -> None:
    scores = by_metric(score_classification("classifier", predictions))
    assert [scores[metric].value for metric in CLASS_METRICS] == pytest.approx(scikit_metrics(*predictions[:2]))
    assert {score.n for score in scores.values()} == {300}
    assert scores["classes"].value == 4 and scores["units"].value == 20


def test_intervals_equal_those_of_explicitly_resampled_speakers(predictions: Predictions) -> None:
    scores = by_metric(score_classification("classifier", predictions, Bootstrap(200, seed=3)))
    speakers = np.unique(predictions.units)
    rows = [np.flatnonzero(predictions.units == speaker) for speaker in speakers]
    drawn = np.random.default_rng(3).integers(0, 20, size=(200, 20))
    draws = []
    for units in drawn:
        items = np.concatenate([rows[unit] for unit in units])
        draws.append(scikit_metrics(predictions.truth[items], predictions.predicted[items]))
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    assert [scores[metric].low for metric in CLASS_METRICS] == pytest.approx(low)
    assert [scores[metric].high for metric in CLASS_METRICS] == pytest.approx(high)


@pytest.mark.parametrize("support", [[50, 50], [90, 10], [5, 5, 5, 85], [20, 30, 40]])
def test_chance_is_the_better_of_two_blind_guesses(support: list[int]) -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(len(support)), 2000 * np.array(support))
    constant = scikit_metrics(truth, np.full(len(truth), np.argmax(support)))
    uniform = scikit_metrics(truth, rng.integers(0, len(support), len(truth)))
    assert chance_levels(np.array(support)) == pytest.approx(np.maximum(constant, uniform), abs=0.4)


def test_a_set_of_one_class_is_an_error() -> None:
    with pytest.raises(UserError, match="all 3 utterances are `eng`"):
        score_classification("classifier", Predictions(*[np.array(["eng"] * 3)] * 3))
    with pytest.raises(UserError, match="no utterance has a label"):
        score_classification("classifier", Predictions(*[np.array([], str)] * 3))


def test_one_speaker_has_no_interval() -> None:
    predictions = Predictions(np.array(["a", "b", "b"]), np.array(["a", "b", "a"]), np.array(["s", "s", "s"]))
    score = by_metric(score_classification("x", predictions))["accuracy"]
    assert score.value == pytest.approx(200 / 3)
    assert np.isnan([score.low, score.high]).all()


def test_speakers_widen_the_interval_of_utterances() -> None:
    """Ten speakers whose utterances are all right or all wrong are equivalent to ten utterances."""
    units = np.repeat(np.arange(10), 50)
    truth = np.tile(["a", "b"], 250)
    predicted = np.where(units < 5, truth, "c")
    by_speaker = by_metric(score_classification("x", Predictions(truth, predicted, units)))["accuracy"]
    by_item = by_metric(score_classification("x", Predictions(truth, predicted, np.arange(500))))["accuracy"]
    assert by_speaker.high - by_speaker.low > 5 * (by_item.high - by_item.low)


def lin_concordance(x: np.ndarray, y: np.ndarray) -> float:
    """Lin 1989, with the population's moments."""
    return 2 * np.cov(x, y, bias=True)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)


def libraries(x: np.ndarray, y: np.ndarray) -> list[float]:
    return [mean_absolute_error(x, y), root_mean_squared_error(x, y), pearsonr(x, y)[0], lin_concordance(x, y)]


@pytest.fixture
def ages() -> Predictions:
    """Ages in years, of 15 speakers."""
    rng = np.random.default_rng(2)
    age = rng.integers(18, 80, 15)
    units = rng.integers(0, 15, 200)
    truth = age[units].astype(float)
    return Predictions(truth, 20 + 0.5 * truth + rng.normal(0, 6, 200), units)


def test_errors_and_correlations_equal_those_of_the_libraries(ages: Predictions) -> None:
    scores = {score.metric: score for score in score_regression("x", ages, 40.0, Bootstrap(100, seed=1))}
    assert [scores[metric].value for metric in NUMBER_METRICS] == pytest.approx(libraries(*ages[:2]))
    present = np.unique(ages.units)
    drawn = np.random.default_rng(1).integers(0, len(present), size=(100, len(present)))
    draws = []
    for units in drawn:
        items = np.concatenate([np.flatnonzero(ages.units == present[unit]) for unit in units])
        draws.append(libraries(ages.truth[items], ages.predicted[items]))
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    assert [scores[metric].low for metric in NUMBER_METRICS] == pytest.approx(low)
    assert [scores[metric].high for metric in NUMBER_METRICS] == pytest.approx(high)
    assert scores["units"].value == len(present)


def test_chance_of_numbers_is_the_training_mean(ages: Predictions) -> None:
    scores = {score.metric: score for score in score_regression("x", ages, 40.0)}
    constant = np.full(200, 40.0)
    assert scores["MAE"].chance == pytest.approx(mean_absolute_error(ages.truth, constant))
    assert scores["RMSE"].chance == pytest.approx(root_mean_squared_error(ages.truth, constant))
    assert scores["Pearson"].chance == scores["CCC"].chance == 0.0


def test_a_constant_prediction_has_no_correlation(ages: Predictions) -> None:
    constant = ages._replace(predicted=np.full(200, 41.3))
    scores = {score.metric: score for score in score_regression("x", constant, 40.0)}
    assert scores["Pearson"].value == scores["CCC"].value == 0.0
    assert scores["Pearson"].low == scores["Pearson"].high == 0.0


def test_a_constant_true_value_is_an_error(ages: Predictions) -> None:
    with pytest.raises(UserError, match="all 200 utterances are 30"):
        score_regression("x", ages._replace(truth=np.full(200, 30.0)), 40.0)
