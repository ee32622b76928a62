"""Checks of waveforms, wherever they enter: decoded files, arrays and tensors."""

import math
from numbers import Real

import numpy as np

from espnet_ext.errors import UserError

# 40 dB above full scale. Integers that were not scaled are far above; badly recorded lossy files may come near (one
# voice of KDE's klettres decodes to 61).
MAX_AMPLITUDE = 100.0
# Hz; beyond them, a sampling rate is a mistake.
MIN_RATE, MAX_RATE = 1_000, 1_000_000


def check_samples(samples: np.ndarray, where: str, first: int = 0) -> None:
    """Check that all samples are finite and not far beyond [-1, 1].

    Args:
        samples: (samples,) or (samples, channels), floats.
        where: file or recording, for the message.
        first: number of the first sample in the recording, for the message.

    Raises:
        UserError: naming the first sample that is not.
    """
    # NaN is neither; the usual case needs no array of booleans.
    if not samples.size or (samples.min() >= -MAX_AMPLITUDE and samples.max() <= MAX_AMPLITUDE):
        return
    legal = np.abs(samples) <= MAX_AMPLITUDE
    index = int(np.argmin(legal if samples.ndim == 1 else legal.all(axis=1)))
    value = samples[index] if samples.ndim == 1 else samples[index][~legal[index]][0]
    if not np.isfinite(value):
        raise UserError(f"{where}: sample {first + index} is not a finite number; make the recording again")
    raise UserError(f"{where}: sample {first + index} is {value:g}, far beyond [-1, 1]; divide 16-bit samples by 32768")


def check_rate(rate: object, where: str) -> None:
    """Check that a sampling rate is a number that can be one (Hz); UserError names `where`."""
    if isinstance(rate, bool) or not isinstance(rate, Real) or not math.isfinite(rate):
        raise UserError(f"{where}: sampling rate {rate!r}, expected a number in Hz")
    if not MIN_RATE <= rate <= MAX_RATE:
        raise UserError(f"{where}: sampling rate {rate:g} Hz, expected {MIN_RATE:,} to {MAX_RATE:,} Hz; correct it")
