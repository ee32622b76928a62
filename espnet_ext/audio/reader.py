"""What all decoders of audio files have in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np

from espnet_ext.audio.reader import check_rate
from espnet_ext.utils.errors import UserError

# Decoded before the part that is wanted: a packet's sound also depends on those before it (MP3 0.1 s, Opus 80 ms).
PREROLL_S = 0.5
# Numbers that are decoded together, of all channels: 4 MiB.
BLOCK_VALUES = 2**20
# Microphone arrays have 64 channels or more.
MAX_CHANNELS = 256
# FLAC packs 65,535 samples of silence into 14 bytes.
MAX_SAMPLES_PER_BYTE = 8192


class AudioReader(ABC):
    """An open audio file, from which one part is read.

    Args:
        path: the file.
        rate: Hz.
        num_channels: of the sound.
        header_samples: of each channel, by the header; None = the header has no number.

    Raises:
        UserError: a number that cannot be true.
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
        """Samples of each channel; decoding counts them if the header does not."""
        if self.header_samples is not None:
            return self.header_samples
        return sum(map(len, self.blocks()))

    @abstractmethod
    def blocks(self, start: int = 0, num_samples: int | None = None) -> Iterator[np.ndarray]:
        """Decode a part, a few megabytes at a time.

        Args:
            start: number of its first sample.
            num_samples: of the part; None = to the end.

        Yields:
            float32 (samples, channels); all together are fewer than `num_samples` where the file ends.
        """
