"""Log-mel features against those of transformers, and their independence of padding and batch mates."""

import numpy as np
import pytest
import torch
from transformers import WhisperFeatureExtractor

from espnet_ext.model.encoder.log_mel import WhisperLogMel, reflect_ends
from helpers.tiny_encoders import padded_batch

LENGTHS = [400, 1234, 3199, 3200, 16000, 40001]


def utterances() -> list[np.ndarray]:
    """Noise with silence at the end of each, some of it as quiet as speech gets."""
    random = np.random.default_rng(0)
    speech = [random.normal(0, 0.1 ** (1 + index % 3), length) for index, length in enumerate(LENGTHS)]
    for samples in speech:
        samples[-len(samples) // 4 :] *= 1e-4
    return [samples.astype(np.float32) for samples in speech]


@pytest.mark.parametrize("filler", [0.0, 9.0, float("nan")])
@pytest.mark.parametrize("num_mels", [80, 128])
def test_a_padded_batch_gives_the_features_of_each_utterance_alone(num_mels: int, filler: float) -> None:
    extractor = WhisperFeatureExtractor(feature_size=num_mels)
    features, num_frames = WhisperLogMel(num_mels)(*padded_batch(utterances(), filler))
    for samples, found, count in zip(utterances(), features, num_frames.tolist(), strict=True):
        expected = extractor(
            samples, sampling_rate=16_000, padding=False, truncation=False, return_tensors="np"
        ).input_features[0]
        assert expected.shape == (num_mels, count)
        np.testing.assert_allclose(found[:, :count].numpy(), expected, atol=1e-4, rtol=0)
        assert (found[:, count:] == 0).all()


def test_ends_are_mirrored_as_in_numpy() -> None:
    speech = torch.randn(2, 30)
    extended = reflect_ends(speech, torch.tensor([30, 17]), 5)
    for row, length, found in zip(speech, (30, 17), extended, strict=True):
        expected = np.pad(row[:length].numpy(), 5, mode="reflect")
        np.testing.assert_array_equal(found[: length + 10].numpy(), expected)


def test_silence_is_finite() -> None:
    features, _ = WhisperLogMel(80)(torch.zeros(1, 800), torch.tensor([800]))
    assert features.isfinite().all()
