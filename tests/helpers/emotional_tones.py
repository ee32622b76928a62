"""Audio for the tiny corpora of emotions: the emotion is approximately the pitch."""

from collections.abc import Callable

import numpy as np

from helpers.clips import tone

# (actor, emotion, take), each a number from 0 -> float32 (samples,) at 16 kHz.
Say = Callable[[int, int, int], np.ndarray]


def make_tone(actor: int, emotion: int, take: int) -> np.ndarray:
    """A tone with a pitch for each combination, and a length that depends on the take."""
    return tone(200 + 100 * emotion + 4 * actor + take, 0.5 + take / 100)
