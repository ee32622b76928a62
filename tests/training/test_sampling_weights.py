"""Sampling weights of corpora and languages, against the formulas of the papers."""

import numpy as np
import pytest

from espnet_ext.training.sampling_weights import sampling_weights, tempered_weights
from espnet_ext.utils.errors import UserError

COUNTS = np.array([900_000, 40_000, 313])


@pytest.mark.parametrize("alpha", [0.05, 0.5, 1.0])
def test_an_utterance_is_drawn_r_l_times_as_often_as_uniformly(alpha: float) -> None:
    # SAMU-XLSR (arXiv 2205.08180), eq. 3: r_l = (1 / p_l) * p_l^alpha / sum_k p_k^alpha.
    p = [count / sum(COUNTS) for count in COUNTS]
    r = [(1 / p_l) * p_l**alpha / sum(p_k**alpha for p_k in p) for p_l in p]
    found = tempered_weights(COUNTS, alpha) / np.array(p)
    np.testing.assert_allclose(found, r, rtol=1e-12)


def test_the_weight_of_a_single_language_is_one() -> None:
    np.testing.assert_array_equal(tempered_weights(np.array([7]), 0.0), [1.0])


def shares(**weights: dict) -> np.ndarray:
    """Sampling weights of two corpora, the first without French."""
    counts = np.array([[100, 0, 300], [50, 150, 0]])
    weights = {"corpus_weights": {}, "language_weights": {}} | weights
    return sampling_weights(counts, 1.0, ["a", "b"], ["eng", "fra", "rus"], **weights)


def test_without_weights_every_utterance_is_equally_likely() -> None:
    np.testing.assert_allclose(shares(), np.array([[100, 0, 300], [50, 150, 0]]) / 600)


def test_weights_of_corpora_do_not_depend_on_their_languages() -> None:
    found = shares(corpus_weights={"a": 1, "b": 3}, language_weights={"fra": 2, "rus": 0})
    np.testing.assert_allclose(found, [[0.25, 0, 0], [0.75 * 50 / 350, 0.75 * 300 / 350, 0]])


def test_the_weight_of_a_corpus_without_utterances_goes_to_the_others() -> None:
    counts = np.array([[0, 0], [30, 10], [5, 0]])
    found = sampling_weights(counts, 1.0, ["a", "b", "c"], ["eng", "fra"], {"a": 8, "b": 1, "c": 3}, {})
    np.testing.assert_allclose(found, [[0, 0], [0.75 / 4, 0.25 / 4], [0.75, 0]])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"corpus_weights": {"c": 1}}, "corpus_weights: unknown 'c'; legal: a, b"),
        ({"corpus_weights": {"a": 1}}, "corpus_weights: no weight for b; give one to a, b"),
        ({"corpus_weights": {"a": 0, "b": 0}}, "corpus_weights: the weights of all corpora .* are 0"),
        ({"language_weights": {"deu": 2}}, "language_weights: unknown 'deu'; legal: eng, fra, rus"),
        ({"language_weights": {"eng": 0, "fra": 0}}, "language_weights: nothing of b is left to draw"),
    ],
)
def test_the_error_names_an_invalid_weight(weights: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        shares(**weights)
