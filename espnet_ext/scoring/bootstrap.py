"""Scores with percentile-bootstrap intervals over independent units (speakers, sentences).

A resample is a row of multiplicities: how often each unit was drawn. A score of a resample is then a weighted score of
the whole data, computed by a matrix product without copies.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

LEVEL = 95.0
# Multiplicities drawn at a time: 32 MB for any number of units.
BLOCK_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class Score:
    """A number of results.tsv: a metric under a protocol, with its 95 % interval, sample size and chance level.

    Percentages are 0-100, costs (minDCF, Cllr) are plain. NaN where a field does not apply.
    `n` counts queries (retrieval), trials (verification) or utterances (labels).
    """

    protocol: str
    metric: str
    value: float
    n: int
    low: float = math.nan
    high: float = math.nan
    chance: float = math.nan


@dataclass(frozen=True)
class Bootstrap:
    """Number of resamples and seed of their generator."""

    resamples: int = 1000
    seed: int = 0

    def blocks(self, units: int) -> Iterator[np.ndarray]:
        """Draw `units` of `units` with replacement, `resamples` times. The draws do not depend on the block size.

        Yields:
            (rows, units) float64 multiplicities, `resamples` rows in total; each row sums to `units`.
        """
        generator = np.random.default_rng(self.seed)
        step = max(1, BLOCK_CELLS // max(1, units))
        for start in range(0, self.resamples, step):
            rows = min(step, self.resamples - start)
            drawn = generator.integers(0, units, size=(rows, units))
            drawn += np.arange(rows)[:, None] * units
            counts = np.bincount(drawn.ravel(), minlength=rows * units)
            yield counts.reshape(rows, units).astype(np.float64)

    def weights(self, units: int) -> np.ndarray:
        """All `blocks` at once: (resamples, units)."""
        return np.concatenate([np.empty((0, units)), *self.blocks(units)])


DEFAULT_BOOTSTRAP = Bootstrap()


class Resamples:
    """The same resamples of `units` for repeated use: stored if small, otherwise drawn again each time."""

    def __init__(self, units: int, bootstrap: Bootstrap) -> None:
        self.units = units
        self._bootstrap = bootstrap
        self._stored = bootstrap.weights(units) if units * bootstrap.resamples <= BLOCK_CELLS else None

    def means(self, items: np.ndarray, unit_of: np.ndarray) -> np.ndarray:
        """Mean of each column of (items, columns) in each resample.

        Args:
            unit_of: (items,) number of the unit that each item belongs to.

        Returns:
            (resamples, columns); NaN where a resample contains no item.
        """
        sums = np.zeros((self.units, items.shape[1]))
        np.add.at(sums, unit_of, items)
        counts = np.bincount(unit_of, minlength=self.units)[:, None]
        blocks = self._bootstrap.blocks(self.units) if self._stored is None else [self._stored]
        with np.errstate(invalid="ignore"):
            means = [(weights @ sums) / (weights @ counts) for weights in blocks]
        return np.concatenate([np.empty((0, items.shape[1])), *means])


def percentile_interval(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of each column of (resamples, columns); NaN draws are excluded.

    NaN for a column that contains only NaN.
    """
    tail = (100.0 - LEVEL) / 2
    low, high = np.full((2, draws.shape[1]), np.nan)
    valid = ~np.isnan(draws).all(axis=0)
    if len(draws) and valid.any():
        low[valid], high[valid] = np.nanpercentile(draws[:, valid], [tail, 100.0 - tail], axis=0)
    return low, high


def make_scores(
    protocol: str, n: int, values: Mapping[str, float], chance: Iterable[float], draws: np.ndarray
) -> list[Score]:
    """Scores with intervals.

    Args:
        values: metric -> value.
        chance: chance level of each metric.
        draws: (resamples, metrics) values of the resamples.
    """
    columns = zip(values.items(), *percentile_interval(draws), chance, strict=True)
    return [
        Score(protocol, metric, float(value), n, float(low), float(high), float(level))
        for (metric, value), low, high, level in columns
    ]


def make_counts(protocol: str, n: int, counts: Mapping[str, float]) -> list[Score]:
    """Scores without interval or chance level."""
    return [Score(protocol, name, count, n) for name, count in counts.items()]
