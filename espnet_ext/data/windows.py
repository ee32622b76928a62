"""Recordings of any length, window by window."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from espnet_ext.data.audio import audio_length, read_audio, resample
from espnet_ext.data.decoding import PYAV_FORMATS
from espnet_ext.data.segments import AudioSource, read_source


def read_windows(
    recording: str | Path | AudioSource | np.ndarray, rate: int, max_samples: int, downmix: bool
) -> Iterator[np.ndarray]:
    """Cut a recording into consecutive windows; a file is read one window at a time.

    Formats that cannot be entered just anywhere (m4a, g722 ...) are decoded once, as a whole; so are
    utterances that are parts of a file, each part by itself.

    Args:
        recording: file name, part of a file, or float32 (samples,) in [-1, 1] already at `rate`.
        rate: sampling rate of the windows, Hz.
        max_samples: longest window, at `rate`.
        downmix: average the channels of a file that has several, instead of refusing it.

    Yields:
        float32 (samples,); every window but the last has `max_samples`.
    """
    if isinstance(recording, AudioSource) and not recording.spans:
        recording = recording.path
    if isinstance(recording, AudioSource):
        decoded, file_rate = read_source(recording, downmix=downmix)
        recording = resample(decoded, file_rate, rate)
    if not isinstance(recording, np.ndarray) and Path(recording).suffix.lower() in PYAV_FORMATS:
        decoded, file_rate = read_audio(recording, downmix=downmix)
        recording = resample(decoded, file_rate, rate)
    if isinstance(recording, np.ndarray):
        samples = recording.astype(np.float32, copy=False)
        yield from (samples[start : start + max_samples] for start in range(0, max(len(samples), 1), max_samples))
        return
    num_samples, file_rate = audio_length(recording)
    # Rounded down: resampling may round a window up by one sample.
    window = max_samples * file_rate // rate - (file_rate != rate)
    for start in range(0, max(num_samples, 1), window):
        wanted = None if num_samples <= window else min(window, num_samples - start)
        samples, _ = read_audio(recording, start, wanted, downmix=downmix)
        yield resample(samples, file_rate, rate)
