"""Adaptive score normalisation (AS-norm): a trial's score against those of a cohort of other speakers.

References: Matějka et al., "Analysis of score normalization in multilingual speaker recognition",
2017; the variant in which each side chooses its own cohort, the same for enrolment and test.
"""

from dataclasses import dataclass

import numpy as np

from espnet_ext.scoring.rows import UnitRows, chunk_slices
from espnet_ext.scoring.similarity import BLOCK_CELLS, SCORE_DECIMALS
from espnet_ext.utils.errors import UserError

TOP_SPEAKERS = 300
# A cohort whose cosines differ less than they are rounded has no spread to divide by.
LEAST_SPREAD = 10.0**-SCORE_DECIMALS
# Utterances converted at a time where the cohort is small: 8 MB of float64 at 1,024 dimensions.
MOST_ROWS = 1024


@dataclass(frozen=True)
class CohortScores:
    """Mean and standard deviation of each utterance's best cosines with the cohort: (utterances,) each."""

    means: np.ndarray
    spreads: np.ndarray

    def normalise(self, scores: np.ndarray, enrol: np.ndarray, test: np.ndarray) -> np.ndarray:
        """The mean of the z-scores that a trial has for its two sides, rounded as cosines are.

        Args:
            scores: (trials,) cosines.
            enrol, test: (trials,) utterance numbers.
        """
        sides = [(scores - self.means[side]) / self.spreads[side] for side in (enrol, test)]
        return np.round((sides[0] + sides[1]) / 2.0, SCORE_DECIMALS)


def speaker_means(rows: UnitRows, speakers: np.ndarray) -> np.ndarray:
    """Direction of the mean of each speaker's unit rows: (speakers, dim) unit rows, by speaker id.

    Args:
        speakers: (rows,) ids.

    Raises:
        UserError: fewer than two speakers, or one whose rows cancel out.
    """
    ids, codes = np.unique(speakers, return_inverse=True)
    if len(ids) < 2:
        raise UserError(f"a cohort of {len(ids)} speaker(s) has no spread; AS-norm needs two or more")
    sums = np.zeros((len(ids), rows.dim))
    for chunk in chunk_slices(len(rows), MOST_ROWS):
        np.add.at(sums, codes[chunk], rows.take(chunk))
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    if not lengths.all():
        raise UserError(f"the embeddings of cohort speaker {ids[int(lengths.argmin())]} cancel out")
    return sums / lengths


def score_cohort(rows: UnitRows, cohort: np.ndarray, top: int = TOP_SPEAKERS) -> CohortScores:
    """Statistics of each row's `top` best cosines (all, where the cohort is smaller), a block of rows at a time.

    Args:
        cohort: (speakers, dim) unit rows.
    """
    top = min(top, len(cohort))
    means, spreads = np.empty((2, len(rows)))
    for block in chunk_slices(len(rows), max(1, min(MOST_ROWS, BLOCK_CELLS // len(cohort)))):
        cosines = rows.take(block) @ cohort.T
        best = np.partition(cosines, -top, axis=1)[:, -top:]
        means[block], spreads[block] = best.mean(axis=1), best.std(axis=1)
    return CohortScores(means, np.maximum(spreads, LEAST_SPREAD))
