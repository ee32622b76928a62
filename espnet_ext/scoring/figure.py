"""One figure: what a row of results.tsv says of one protocol and metric."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its 95 % interval, the number it rests on and its level by chance.

    Percentages are 0-100, minDCF is plain; NaN where a field does not apply.
    `n` counts queries (retrieval) or trials (verification).
    """

    protocol: str
    metric: str
    value: float
    n: int
    low: float = math.nan
    high: float = math.nan
    chance: float = math.nan
