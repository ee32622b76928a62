"""Tiny trees laid out like the Asterisk packages."""

import gzip
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from asterisk import CoreVoice


def g722(seconds: float, seed: int = 0) -> bytes:
    """Bytes that decode to noise of that length: any byte is valid G.722, two samples each."""
    return np.random.default_rng(seed).bytes(round(seconds * 8000))


def write_core_voice(
    root: Path, voice: CoreVoice, transcript: bytes, seconds: Mapping[str, float]
) -> tuple[Path, Path]:
    """Make both packages of a voice; returns (audio root, text root)."""
    audio, text = root / voice.audio_package, root / voice.text_package
    for seed, (key, length) in enumerate(seconds.items()):
        path = audio / "usr/share/asterisk/sounds" / voice.folder / f"{key}.g722"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(g722(length, seed))
    listing = text / f"usr/share/doc/{voice.text_package}/core-sounds-{voice.package_language}.txt.gz"
    listing.parent.mkdir(parents=True)
    listing.write_bytes(gzip.compress(transcript))
    return audio, text
