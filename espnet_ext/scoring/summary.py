"""What searches gave, one by one and averaged, as figures."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from espnet_ext.scoring.bootstrap import percentile_interval
from espnet_ext.scoring.figure import Figure
from espnet_ext.scoring.protocols import Search


@dataclass(frozen=True)
class Outcome:
    """What one search gave: a column of values (queries,) for each metric, in percent, and by chance."""

    search: Search
    values: dict[str, np.ndarray]
    chance: dict[str, float]


class Summary:
    """Searches that are averaged: sums grow with each, so that 10,000 directions need no more memory than one."""

    def __init__(self, sentences: int) -> None:
        """`sentences`: how many there are; each counts once, however many directions ask for it."""
        self._searches = 0
        self._queries = 0
        self._values: dict[str, float] = defaultdict(float)
        self._chance: dict[str, float] = defaultdict(float)
        self._counts: dict[str, float] = defaultdict(float)
        self._asked = np.zeros(sentences, dtype=bool)
        self._draws: np.ndarray | float = 0.0

    def add(self, outcome: Outcome, asked: np.ndarray, draws: np.ndarray, duplicates: int) -> None:
        """One more search.

        Args:
            asked: (queries,) number of the sentence that each asks for.
            draws: (resamples, metrics) the metrics under each resample.
            duplicates: see `count_duplicates` of `retrieval`.
        """
        self._searches += 1
        self._queries += len(outcome.search.queries)
        for metric, column in outcome.values.items():
            self._values[metric] += float(column.mean())
            self._chance[metric] += outcome.chance[metric]
        self._counts["candidates"] += len(outcome.search.candidates)
        self._counts["duplicates"] += duplicates
        self._asked[asked] = True
        self._draws = self._draws + draws

    def figures(self, protocol: str) -> list[Figure]:
        """Metrics, then the counts they rest on, means over the searches; duplicates only where there are some."""
        low, high = percentile_interval(self._draws / self._searches)
        figures = [
            Figure(
                protocol,
                metric,
                value / self._searches,
                self._queries,
                float(low[i]),
                float(high[i]),
                self._chance[metric] / self._searches,
            )
            for i, (metric, value) in enumerate(self._values.items())
        ]
        counts = {
            "candidates": self._counts["candidates"] / self._searches,
            "sentences": float(self._asked.sum()),
            "duplicates": self._counts["duplicates"] / self._searches,
        }
        return figures + [
            Figure(protocol, name, count, self._queries)
            for name, count in counts.items()
            if count or name != "duplicates"
        ]
