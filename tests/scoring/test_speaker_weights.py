"""Weights of trials and sums over them against copying the speakers."""

import numpy as np
import pytest

from espnet_ext.scoring.speaker_weights import SpeakerSums, TrialWeights

ENROL, TEST = np.array([0, 0, 0, 3, 1, 3, 1, 0]), np.array([0, 1, 3, 3, 1, 2, 2, 3])


def copies(drawn: np.ndarray, enrol: int, test: int) -> int:
    """How often a trial occurs among the speakers drawn: within each copy, or between any two."""
    if enrol == test:
        return int((drawn == enrol).sum())
    return sum(1 for a in drawn for b in drawn if (a, b) == (enrol, test))


def test_weights_of_trials_are_what_copying_the_speakers_gives() -> None:
    weights = TrialWeights(ENROL, TEST, 4)
    for drawn in ([0, 0, 2, 3, 3, 3], [1, 1, 1, 1], [0, 1, 2, 3]):
        multiplicities = np.bincount(drawn, minlength=4).astype(float)
        expected = [copies(np.array(drawn), e, t) for e, t in zip(ENROL, TEST, strict=True)]
        assert weights.of(multiplicities).tolist() == expected


@pytest.mark.parametrize("trials", [slice(None), ENROL == TEST, ENROL != TEST], ids=["all", "within", "between"])
def test_sums_are_those_of_the_weighted_trials(trials: slice) -> None:
    enrol, test = ENROL[trials], TEST[trials]
    rng = np.random.default_rng(0)
    values = rng.standard_normal((len(enrol), 3))
    multiplicities = rng.integers(0, 4, size=(5, 4)).astype(float)
    weights = TrialWeights(enrol, test, 4)
    expected = [weights.of(row) @ values for row in multiplicities]
    np.testing.assert_allclose(SpeakerSums(values, enrol, test, 4).of(multiplicities), expected, atol=1e-12)
