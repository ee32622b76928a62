"""How often a trial occurs when each speaker is drawn so often.

A trial between two speakers occurs once for each pair of their copies; a trial within one
speaker once for each copy, since two copies of one speaker are no trial of anybody.
"""

import numpy as np
from scipy import sparse


class TrialWeights:
    """Weights of some trials under one resample of the speakers after the other.

    Args:
        enrol, test: (trials,) speaker numbers.
        num_speakers: how many there are.
    """

    def __init__(self, enrol: np.ndarray, test: np.ndarray, num_speakers: int) -> None:
        self._enrol = enrol
        # The place after the last speaker has weight one: within a speaker no partner counts.
        self._partner = np.where(enrol == test, num_speakers, test)
        # Fresh arrays of this size would be mapped anew by the system for every resample: most of the time.
        self._weights, self._factors = np.empty((2, len(enrol)))

    def of(self, speaker_weights: np.ndarray) -> np.ndarray:
        """Weights (trials,) when the speakers are drawn (speakers,) times; the next call overwrites them."""
        speaker_weights = np.append(speaker_weights, 1.0)
        # With "clip" instead of "raise" numpy writes to `out` directly.
        np.take(speaker_weights, self._enrol, out=self._weights, mode="clip")
        np.take(speaker_weights, self._partner, out=self._factors, mode="clip")
        self._weights *= self._factors
        return self._weights


class SpeakerSums:
    """Sums over trials of columns of values, under any resample of the speakers, as matrix products.

    Trials of one pair of speakers share their weight: their values are added once.

    Args:
        values: (trials, columns).
        enrol, test: (trials,) speaker numbers.
        num_speakers: how many there are.
    """

    def __init__(self, values: np.ndarray, enrol: np.ndarray, test: np.ndarray, num_speakers: int) -> None:
        alone = enrol == test
        self._within = np.zeros((num_speakers, values.shape[1]))
        np.add.at(self._within, enrol[alone], values[alone])
        pairs = (test[~alone], enrol[~alone])
        shape = (num_speakers, num_speakers)
        self._between = [sparse.csr_array((column, pairs), shape) for column in values[~alone].T]

    def of(self, speaker_weights: np.ndarray) -> np.ndarray:
        """Weighted sums (resamples, columns) for multiplicities (resamples, speakers)."""
        between = [np.einsum("sr,rs->r", pairs @ speaker_weights.T, speaker_weights) for pairs in self._between]
        return speaker_weights @ self._within + np.stack(between, axis=1)
