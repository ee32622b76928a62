"""The error of an invalid waveform names its first invalid sample."""

import numpy as np
import pytest

from espnet_ext.audio.reader import check_rate, check_samples
from espnet_ext.utils.errors import UserError


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_slight_overshoot_is_valid(dtype: type) -> None:
    check_samples(np.array([-100, 3.5, 0, 100], dtype), "a.wav")
    check_samples(np.empty(0, dtype), "a.wav")
    check_samples(np.zeros((3, 2), dtype), "a.wav")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "sample 102 is not a finite number"),
        (np.inf, "sample 102 is not a finite number"),
        (-np.inf, "sample 102 is not a finite number"),
        (125.5, r"sample 102 is 125.5, far beyond \[-1, 1\]; divide"),
        (-32768.0, r"sample 102 is -32768, far beyond"),
    ],
)
@pytest.mark.parametrize("channels", [None, 1, 2])
def test_the_error_names_the_first_bad_sample(value: float, message: str, channels: int | None) -> None:
    samples = np.zeros(9 if channels is None else (9, channels), np.float32)
    samples[(2,) if channels is None else (2, channels - 1)] = value
    samples[5] = 990
    with pytest.raises(UserError, match=f"^a.wav: {message}"):
        check_samples(samples, "a.wav", first=100)


@pytest.mark.parametrize("rate", [8000, 44_100.0, np.int64(16_000), np.float32(22_050)])
def test_a_rate_can_be_of_any_number_type(rate: float) -> None:
    check_rate(rate, "a.wav")


@pytest.mark.parametrize("rate", [0, -16_000, 1, 10**8, np.nan, np.inf, True, "16000", None])
def test_the_error_names_an_impossible_rate(rate: object) -> None:
    with pytest.raises(UserError, match="^a.wav: sampling rate "):
        check_rate(rate, "a.wav")
