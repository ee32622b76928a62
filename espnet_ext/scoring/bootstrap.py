"""Percentile bootstrap: resample the units that are independent, keep everything within them.

A resample is a row of multiplicities, how often each unit was drawn, so that a figure of a
resample is a weighted figure of the whole: matrix products instead of copies.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

LEVEL = 95.0
# Multiplicities drawn at a time: 32 MB, however many units there are.
BLOCK_CELLS = 4_000_000


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made."""

    resamples: int = 1000
    seed: int = 0


def resample_blocks(units: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Draw `units` of `units` with replacement, `resamples` times; the blocks do not change what is drawn.

    Yields:
        (rows, units) float64 multiplicities, in all `resamples` rows; each row sums to `units`.
    """
    generator = np.random.default_rng(seed)
    step = max(1, BLOCK_CELLS // max(1, units))
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = generator.integers(0, units, size=(rows, units))
        drawn += np.arange(rows)[:, None] * units
        counts = np.bincount(drawn.ravel(), minlength=rows * units)
        yield counts.reshape(rows, units).astype(np.float64)


def resample_weights(units: int, resamples: int, seed: int) -> np.ndarray:
    """All of `resample_blocks` at once: (resamples, units)."""
    return np.concatenate([np.empty((0, units)), *resample_blocks(units, resamples, seed)])


def weighted_means(sums: np.ndarray, counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of each column over the items of the units drawn.

    Args:
        sums: (units, columns), the sum of a column's items that belong to a unit.
        counts: (units, columns), how many those are.
        weights: (resamples, units).

    Returns:
        (resamples, columns); NaN where a resample holds no item of a column.
    """
    with np.errstate(invalid="ignore"):
        return (weights @ sums) / (weights @ counts)


class Resamples:
    """The same resamples of `units` for every search: kept where they are few, drawn again where they are many."""

    def __init__(self, units: int, bootstrap: Bootstrap) -> None:
        self.units = units
        self._options = units, bootstrap.resamples, bootstrap.seed
        self._kept = resample_weights(*self._options) if units * bootstrap.resamples <= BLOCK_CELLS else None

    def means(self, items: np.ndarray, unit_of: np.ndarray) -> np.ndarray:
        """Mean of each column of (items, columns) under each resample: (resamples, columns).

        Args:
            unit_of: (items,) the unit that each item belongs to.
        """
        sums = np.zeros((self.units, items.shape[1]))
        np.add.at(sums, unit_of, items)
        counts = np.bincount(unit_of, minlength=self.units)[:, None]
        blocks = resample_blocks(*self._options) if self._kept is None else [self._kept]
        means = [weighted_means(sums, counts, weights) for weights in blocks]
        return np.concatenate([np.empty((0, items.shape[1])), *means])


def percentile_interval(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of each column of (resamples, columns); resamples without a value are left out.

    NaN for a column without any value.
    """
    tail = (100.0 - LEVEL) / 2
    low, high = np.full((2, draws.shape[1]), np.nan)
    valid = ~np.isnan(draws).all(axis=0)
    if len(draws) and valid.any():
        low[valid], high[valid] = np.nanpercentile(draws[:, valid], [tail, 100.0 - tail], axis=0)
    return low, high
