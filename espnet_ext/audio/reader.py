"""Base class of audio decoders, and checks of waveforms and sampling rates."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from numbers import Real
from pathlib import Path

import numpy as np

from espnet_ext.utils.errors import UserError

# Decoded before the requested part: a packet also depends on the packets before it (MP3 0.1 s, Opus 80 ms).
PREROLL_S = 0.5
# Numbers that are decoded at once, of all channels: 4 MiB.
BLOCK_VALUES = 2**20
# Microphone arrays have 64 channels or more.
MAX_CHANNELS = 256
# FLAC packs 65,535 samples of silence into 14 bytes.
MAX_SAMPLES_PER_BYTE = 8192
# 40 dB above full scale. Integers that were not scaled are far above; badly recorded lossy files may come near (one
# voice of KDE's klettres decodes to 61).
MAX_AMPLITUDE = 100.0
# Plausible sampling rates, Hz.
MIN_RATE, MAX_RATE = 1_000, 1_000_000


def check_samples(samples: np.ndarray, where: str, first: int = 0) -> None:
    """Check that all samples are finite and not far beyond [-1, 1].

    Args:
        samples: (samples,) or (samples, channels), floats.
        where: file or recording, for the message.
        first: index of the first sample in the recording, for the message.

    Raises:
        UserError: naming the first invalid sample.
    """
    # False for NaN. Valid samples need no array of booleans.
    if not samples.size or (samples.min() >= -MAX_AMPLITUDE and samples.max() <= MAX_AMPLITUDE):
        return
    is_legal = np.abs(samples) <= MAX_AMPLITUDE
    index = int(np.argmin(is_legal if samples.ndim == 1 else is_legal.all(axis=1)))
    value = samples[index] if samples.ndim == 1 else samples[index][~is_legal[index]][0]
    if not np.isfinite(value):
        raise UserError(f"{where}: sample {first + index} is not a finite number; make the recording again")
    raise UserError(f"{where}: sample {first + index} is {value:g}, far beyond [-1, 1]; divide 16-bit samples by 32768")


def check_rate(rate: object, where: str) -> None:
    """Check that a sampling rate (Hz) is a plausible number; the UserError names `where`."""
    if isinstance(rate, bool) or not isinstance(rate, Real) or not math.isfinite(rate):
        raise UserError(f"{where}: sampling rate {rate!r}, expected a number in Hz")
    if not MIN_RATE <= float(rate) <= MAX_RATE:
        raise UserError(f"{where}: sampling rate {rate:g} Hz, expected {MIN_RATE:,} to {MAX_RATE:,} Hz; correct it")


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Convert the errors of a decoder to a UserError that names the file."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # decoders raise a dozen types of errors, whatever the damage is
        reason = getattr(error, "error_string", None) or getattr(error, "strerror", None) or repr(error)
        raise UserError(f"{path}: cannot decode audio: {reason}; replace or convert the file") from error


class AudioReader(ABC):
    """An open audio file, from which one part is read.

    Args:
        path: the file.
        rate: Hz.
        num_channels: channels of the audio.
        header_samples: samples of each channel in the header; None = not in the header.

    Raises:
        UserError: an impossible number.
    """

    def __init__(self, path: Path, rate: int, num_channels: int, header_samples: int | None) -> None:
        self.path, self.rate, self.num_channels, self.header_samples = path, rate, num_channels, header_samples
        check_rate(rate, f"{path}")
        if not 1 <= num_channels <= MAX_CHANNELS:
            raise UserError(f"{path}: {num_channels} channels in the header, expected 1 to {MAX_CHANNELS}; convert it")
        if (header_samples or 0) > MAX_SAMPLES_PER_BYTE * path.stat().st_size:
            raise UserError(f"{path}: {header_samples} samples in the header, more than the file can hold; convert it")
        self.block_samples = BLOCK_VALUES // num_channels

    @cached_property
    def num_samples(self) -> int:
        """Samples of each channel; counted by decoding if the header does not have them."""
        if self.header_samples is not None:
            return self.header_samples
        return sum(map(len, self.blocks()))

    def blocks(self, start: int = 0, num_samples: int | None = None) -> Iterator[np.ndarray]:
        """Decode a part, a few megabytes at a time.

        Args:
            start: index of its first sample.
            num_samples: length of the part; None = to the end.

        Yields:
            float32 (samples, channels); fewer than `num_samples` in total if the file ends before.

        Raises:
            UserError: naming the file, if it is cut or does not decode.
        """
        with decoding(self.path):
            yield from self._blocks(start, num_samples)

    @abstractmethod
    def _blocks(self, start: int, num_samples: int | None) -> Iterator[np.ndarray]: ...
