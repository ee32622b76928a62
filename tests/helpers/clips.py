"""Speech to put into the tiny corpus trees, and the audio formats that corpora come in."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import soundfile

RATE = 16000


class Clip(NamedTuple):
    """One recording.

    Attributes:
        language: ISO 639-3.
        sentence: equal = same meaning, whatever the speaker and the language.
        samples: float32 at 16 kHz.
    """

    speaker: str
    language: str
    sentence: str
    text: str
    samples: np.ndarray


def tone(frequency_hz: float, duration_s: float = 0.5) -> np.ndarray:
    """float32 (samples,) at 16 kHz."""
    times = np.arange(round(duration_s * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * frequency_hz * times)).astype(np.float32)


def tones(
    speakers: Sequence[str], languages: Sequence[str], sentences: Sequence[str], duration_s: float = 0.5
) -> list[Clip]:
    """A clip of every speaker, language and sentence, each with a different frequency and length."""
    clips: list[Clip] = []
    for speaker in speakers:
        for language in languages:
            for sentence in sentences:
                number = len(clips)
                samples = tone(200 + 10 * number, duration_s + number / RATE)
                clips.append(Clip(speaker, language, sentence, f"Sentence {sentence} in {language}.", samples))
    return clips


def write_audio(path: Path, samples: np.ndarray, subtype: str | None = None) -> None:
    """Write float (samples,) at 16 kHz in the format that the suffix names: wav, flac, ogg, mp3 or m4a."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".m4a":
        _write_m4a(path, samples)
    else:
        with soundfile.SoundFile(path, "w", RATE, 1 if samples.ndim == 1 else samples.shape[1], subtype) as file:
            # libsndfile's Vorbis encoder copies its input to the stack: minutes at once overflow it.
            for start in range(0, len(samples), 10 * RATE):
                file.write(samples[start : start + 10 * RATE])


def _write_m4a(path: Path, samples: np.ndarray) -> None:
    with av.open(str(path), "w", format="ipod") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
