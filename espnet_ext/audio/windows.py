"""Recordings of any length, window by window."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from espnet_ext.audio.decoding import open_audio
from espnet_ext.audio.waveform import AudioSource, mono_blocks, read_source, resample


def read_windows(
    recording: str | Path | AudioSource | np.ndarray, rate: int, max_samples: int, downmix: bool
) -> Iterator[np.ndarray]:
    """Cut a recording into consecutive windows; a file is decoded once, a window at a time.

    Utterances that are parts of a file are decoded as a whole.

    Args:
        recording: file name, part of a file, or float32 (samples,) in [-1, 1] at `rate`.
        rate: sampling rate of the windows, Hz.
        max_samples: longest window, at `rate`.
        downmix: average the channels of a file with several channels instead of refusing it.

    Yields:
        float32 (samples,); every window except the last has `max_samples`.
    """
    if isinstance(recording, AudioSource) and recording.spans:
        decoded, file_rate = read_source(recording, downmix=downmix)
        recording = resample(decoded, file_rate, rate)
    if isinstance(recording, np.ndarray):
        samples = recording.astype(np.float32, copy=False)
        yield from (samples[start : start + max_samples] for start in range(0, max(len(samples), 1), max_samples))
        return
    with open_audio(Path(recording.path if isinstance(recording, AudioSource) else recording)) as reader:
        # Rounded down: resampling may round a window up by one sample.
        window = max_samples * reader.rate // rate - (reader.rate != rate)
        for samples in _regroup(mono_blocks(reader, downmix=downmix), window):
            yield resample(samples, reader.rate, rate)


def _regroup(blocks: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Arrays of `size` samples, the last one shorter, from arrays of any sizes."""
    pending: list[np.ndarray] = []
    num_pending = 0
    for block in blocks:
        while num_pending + len(block) >= size:
            end = size - num_pending
            yield np.concatenate([*pending, block[:end]])
            block, pending, num_pending = block[end:], [], 0
        if len(block):
            pending.append(block)
            num_pending += len(block)
    if pending:
        yield np.concatenate(pending)
