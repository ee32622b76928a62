"""Errors and correlations against scikit-learn and scipy, resample by resample."""

import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from espnet_ext.scoring.bootstrap import Bootstrap
from espnet_ext.scoring.regression import METRICS, Estimates, score_regression
from espnet_ext.utils.errors import UserError


def lin_concordance(x: np.ndarray, y: np.ndarray) -> float:
    """Lin 1989, with the population's moments."""
    return 2 * np.cov(x, y, bias=True)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)


def reference(x: np.ndarray, y: np.ndarray) -> list[float]:
    return [mean_absolute_error(x, y), root_mean_squared_error(x, y), pearsonr(x, y)[0], lin_concordance(x, y)]


@pytest.fixture
def estimates() -> Estimates:
    """Ages in years, of 15 speakers."""
    rng = np.random.default_rng(2)
    age = rng.integers(18, 80, 15)
    units = rng.integers(0, 15, 200)
    truth = age[units].astype(float)
    return Estimates(truth, 20 + 0.5 * truth + rng.normal(0, 6, 200), units)


def test_values_and_intervals_are_those_of_the_libraries(estimates: Estimates) -> None:
    figures = {figure.metric: figure for figure in score_regression("x", estimates, 40.0, Bootstrap(100, seed=1))}
    assert [figures[metric].value for metric in METRICS] == pytest.approx(reference(*estimates[:2]))
    present = np.unique(estimates.units)
    drawn = np.random.default_rng(1).integers(0, len(present), size=(100, len(present)))
    draws = []
    for units in drawn:
        items = np.concatenate([np.flatnonzero(estimates.units == present[unit]) for unit in units])
        draws.append(reference(estimates.truth[items], estimates.predicted[items]))
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    assert [figures[metric].low for metric in METRICS] == pytest.approx(low)
    assert [figures[metric].high for metric in METRICS] == pytest.approx(high)
    assert figures["units"].value == len(present)


def test_chance_is_to_answer_the_training_mean(estimates: Estimates) -> None:
    figures = {figure.metric: figure for figure in score_regression("x", estimates, 40.0)}
    constant = np.full(200, 40.0)
    assert figures["MAE"].chance == pytest.approx(mean_absolute_error(estimates.truth, constant))
    assert figures["RMSE"].chance == pytest.approx(root_mean_squared_error(estimates.truth, constant))
    assert figures["Pearson"].chance == figures["CCC"].chance == 0.0


def test_a_constant_answer_correlates_with_nothing(estimates: Estimates) -> None:
    constant = estimates._replace(predicted=np.full(200, 41.3))
    figures = {figure.metric: figure for figure in score_regression("x", constant, 40.0)}
    assert figures["Pearson"].value == figures["CCC"].value == 0.0
    assert figures["Pearson"].low == figures["Pearson"].high == 0.0


def test_one_number_for_all_is_an_error(estimates: Estimates) -> None:
    with pytest.raises(UserError, match="all 200 utterances are 30"):
        score_regression("x", estimates._replace(truth=np.full(200, 30.0)), 40.0)
