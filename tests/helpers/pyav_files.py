"""Audio files written with PyAV."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def write_pyav(
    path: Path, container_format: str, codec: str, samples: np.ndarray, rate: int = 16_000, **options: str
) -> None:
    """Write float32 (samples,) as mono.

    Args:
        options: of the container.
    """
    with av.open(str(path), "w", format=container_format, options=options) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        context = stream.codec_context
        context.open()
        resampler = av.AudioResampler(context.format, "mono", rate, frame_size=context.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for part in (*resampler.resample(frame), *resampler.resample(None), None):
            container.mux(stream.encode(part))
