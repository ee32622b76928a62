"""Percentile bootstrap: resample the units that are independent, keep everything within them.

A resample is a row of multiplicities, how often each unit was drawn, so that a figure of a
resample is a weighted figure of the whole: matrix products instead of copies.
"""

from dataclasses import dataclass

import numpy as np

LEVEL = 95.0


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made."""

    resamples: int = 1000
    seed: int = 0


def resample_weights(units: int, resamples: int, seed: int) -> np.ndarray:
    """Draw `units` of `units` with replacement, `resamples` times.

    Returns:
        (resamples, units) float64 multiplicities; each row sums to `units`.
    """
    drawn = np.random.default_rng(seed).integers(0, units, size=(resamples, units))
    drawn += np.arange(resamples)[:, None] * units
    counts = np.bincount(drawn.ravel(), minlength=resamples * units)
    return counts.reshape(resamples, units).astype(np.float64)


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
