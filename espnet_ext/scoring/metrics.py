"""Retrieval metrics. Each is one entry of `RETRIEVAL_METRICS`."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

# Neighbors in the ratio margin, as in LASER.
NEIGHBORS = 4


class RetrievalMetric(NamedTuple):
    """A metric computed from the rank of the best right candidate.

    Attributes:
        of_rank: maps ranks (queries,), from 1, to values (queries,) from 0 to 1.
        by: the score that ranks the candidates. `cosine` exists in every protocol. `absolute` (the cosine) and `ratio`
            (the ratio margin) are LASER's margins and exist where each query has one right candidate (protocol `one`).
    """

    of_rank: Callable[[np.ndarray], np.ndarray]
    by: Literal["cosine", "absolute", "ratio"] = "cosine"

    def values(self, ranks: np.ndarray) -> np.ndarray:
        """Values (queries,) in percent; NaN where the rank is NaN."""
        return np.where(np.isnan(ranks), np.nan, 100.0 * self.of_rank(ranks))

    def chance(self, odds: np.ndarray) -> float:
        """Expected value in percent, given the `rank_odds` of a random order."""
        return 100.0 * float(odds @ self.of_rank(np.arange(1, len(odds) + 1)))


# Name in results.tsv -> metric. The chance level follows from the function.
RETRIEVAL_METRICS: dict[str, RetrievalMetric] = {
    "R@1": RetrievalMetric(lambda rank: rank <= 1),
    "R@5": RetrievalMetric(lambda rank: rank <= 5),
    "MRR": RetrievalMetric(lambda rank: 1.0 / rank),
    "xSIM": RetrievalMetric(lambda rank: rank > 1, by="absolute"),
    "xSIM-margin": RetrievalMetric(lambda rank: rank > 1, by="ratio"),
}


def rank_odds(right: int, candidates: int) -> np.ndarray:
    """Probability (candidates,) of each rank of the best of `right` right candidates in a random order."""
    wrong = candidates - right
    # missed[k]: probability that the first k candidates are all wrong.
    places = np.arange(wrong)
    missed = np.append(1.0, np.cumprod((wrong - places) / (candidates - places)))
    odds = np.zeros(candidates)
    odds[: wrong + 1] = missed - np.append(missed[1:], 0.0)
    return odds


def mean_rank_odds(num_right: np.ndarray, candidates: int) -> np.ndarray:
    """Mean of `rank_odds` over queries (queries,), each with its own number of right candidates."""
    kinds, counts = np.unique(num_right, return_counts=True)
    odds = np.zeros(candidates)
    for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True):
        odds += rank_odds(kind, candidates) * (count / len(num_right))
    return odds
