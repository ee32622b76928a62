"""Recordings of any length, window by window."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from espnet_ext.audio.decoding import open_audio
from espnet_ext.audio.waveform import AudioSource, mono_blocks, read_source, resample
from espnet_ext.utils.errors import UserError


def read_windows(
    recording: str | Path | AudioSource | np.ndarray, rate: int, max_samples: int, downmix: bool
) -> Iterator[np.ndarray]:
    """Cut a recording into consecutive windows; a file is decoded once, a window at a time.

    Utterances that are parts of a file are decoded as a whole, each part by itself.

    Args:
        recording: file name, part of a file, or float32 (samples,) in [-1, 1] already at `rate`.
        rate: sampling rate of the windows, Hz.
        max_samples: longest window, at `rate`.
        downmix: average the channels of a file that has several, instead of refusing it.

    Yields:
        float32 (samples,); every window but the last has `max_samples`.
    """
    if isinstance(recording, AudioSource) and recording.spans:
        decoded, file_rate = read_source(recording, downmix=downmix)
        recording = resample(decoded, file_rate, rate)
    if isinstance(recording, np.ndarray):
        samples = recording.astype(np.float32, copy=False)
        yield from (samples[start : start + max_samples] for start in range(0, max(len(samples), 1), max_samples))
        return
    path = Path(recording.path if isinstance(recording, AudioSource) else recording)
    with open_audio(path) as reader:
        # Rounded down: resampling may round a window up by one sample.
        window = max_samples * reader.rate // rate - (reader.rate != rate)
        is_empty = True
        for samples in _regroup(mono_blocks(reader, downmix=downmix), window):
            is_empty = False
            yield resample(samples, reader.rate, rate)
    if is_empty:
        raise UserError(f"{path}: 0 samples where any were expected; the file is cut or empty")


def _regroup(blocks: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Arrays of `size` samples, the last of the rest, from arrays of any sizes."""
    pending, num_pending = [], 0
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
