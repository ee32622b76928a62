"""Adaptive score normalization (AS-norm): a trial's score relative to scores with a cohort of other speakers.

References: Matějka et al., "Analysis of score normalization in multilingual speaker recognition",
2017; the variant in which each side selects its own nearest cohort speakers.
"""

from dataclasses import dataclass

import numpy as np

from espnet_ext.scoring.rows import CHUNK_ROWS, SCORE_DECIMALS, UnitRows, chunk_slices
from espnet_ext.utils.errors import UserError

TOP_SPEAKERS = 300
# Minimum standard deviation: the cosines are rounded to this.
LEAST_SPREAD = 10.0**-SCORE_DECIMALS
# Cosines computed at a time: 32 MB of float64.
BLOCK_CELLS = 4_000_000


@dataclass(frozen=True)
class CohortScores:
    """Mean and standard deviation of each utterance's best cosines with the cohort: (utterances,) each."""

    means: np.ndarray
    spreads: np.ndarray

    def normalize(self, scores: np.ndarray, enrol: np.ndarray, test: np.ndarray) -> np.ndarray:
        """Mean of the z-scores of a trial's two sides, rounded like cosines.

        Args:
            scores: (trials,) cosines.
            enrol, test: (trials,) utterance numbers.
        """
        sides = [(scores - self.means[side]) / self.spreads[side] for side in (enrol, test)]
        return np.round((sides[0] + sides[1]) / 2.0, SCORE_DECIMALS)


def speaker_means(rows: UnitRows, speakers: np.ndarray) -> np.ndarray:
    """Normalized mean of each speaker's unit rows: (speakers, dim), sorted by speaker id.

    Args:
        speakers: (rows,) ids.

    Raises:
        UserError: fewer than two speakers, or a speaker whose mean is zero.
    """
    ids, codes = np.unique(speakers, return_inverse=True)
    if len(ids) < 2:
        raise UserError(f"the cohort has {len(ids)} speaker(s); AS-norm needs two or more")
    sums = rows.group_sums(codes)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    if not lengths.all():
        raise UserError(f"the embeddings of cohort speaker {ids[int(lengths.argmin())]} have a mean of zero")
    return sums / lengths


def score_cohort(rows: UnitRows, cohort: np.ndarray, top: int = TOP_SPEAKERS) -> CohortScores:
    """Statistics of each row's `top` best cosines (all, if the cohort is smaller), a block of rows at a time.

    Args:
        cohort: (speakers, dim) unit rows.
    """
    top = min(top, len(cohort))
    means, spreads = np.empty((2, len(rows)))
    for block in chunk_slices(len(rows), max(1, min(CHUNK_ROWS, BLOCK_CELLS // len(cohort)))):
        cosines = rows.take(block) @ cohort.T
        best = np.partition(cosines, -top, axis=1)[:, -top:]
        means[block], spreads[block] = best.mean(axis=1), best.std(axis=1)
    return CohortScores(means, np.maximum(spreads, LEAST_SPREAD))
