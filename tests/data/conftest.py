"""Small data directories for the tests."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_ext.kaldi.utterances import Utterance, write_utterances


def noise(num_samples: int, seed: int = 0) -> np.ndarray:
    """int16-valued float32 (samples,): survives FLAC and 16-bit WAV without loss."""
    values = np.random.default_rng(seed).integers(-8000, 8000, num_samples)
    return (values / 32768).astype(np.float32)


@pytest.fixture
def make_data_dir(tmp_path: Path) -> Callable[..., Path]:
    """Make data/<name> with wav files of given lengths: `make("train", {"a-1": 16000})`."""

    def make(name: str, lengths: dict[str, int], source: str = "real") -> Path:
        folder = tmp_path / "data" / name
        (folder / "wav").mkdir(parents=True)
        utterances = []
        for seed, (utterance, length) in enumerate(sorted(lengths.items())):
            path = folder / "wav" / f"{utterance}.wav"
            soundfile.write(path, noise(length, seed), 16000, subtype="PCM_16")
            speaker = utterance.rpartition("-")[0]
            utterances.append(
                Utterance(
                    utterance, speaker, path, length, "eng", source, f"Text of {name} {utterance}.", f"{name}{seed}"
                )
            )
        write_utterances(folder, utterances)
        return folder

    return make
