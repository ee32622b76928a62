"""Seamless features against those of transformers, and their independence of padding and batch mates."""

import numpy as np
import pytest
import torch
from transformers import SeamlessM4TFeatureExtractor

from espnet_ext.model.encoder.seamless_log_mel import SeamlessLogMel
from helpers.tiny_encoders import padded_batch

# 2, 3, 4, 5, 98, 99 and 248 frames.
LENGTHS = [560, 733, 880, 1055, 16_000, 16_080, 40_001]


def utterances() -> list[np.ndarray]:
    """Noise and a pure tone, some as quiet as speech gets, with digital silence in the middle of each."""
    random = np.random.default_rng(0)
    speech = [random.normal(0, 0.1 ** (1 + index % 3), length) for index, length in enumerate(LENGTHS)]
    speech[-1] = 0.9 * np.sin(np.arange(LENGTHS[-1]) * 0.1)
    for samples in speech:
        samples[len(samples) // 2 : len(samples) // 2 + len(samples) // 8] = 0.0
    return [samples.astype(np.float32) for samples in speech]


@pytest.mark.parametrize("filler", [0.0, 9.0, float("nan")])
@pytest.mark.parametrize(("num_mels", "stack"), [(80, 2), (40, 1), (80, 3)])
def test_a_padded_batch_gives_the_features_of_each_utterance_alone(num_mels: int, stack: int, filler: float) -> None:
    extractor = SeamlessM4TFeatureExtractor(feature_size=num_mels, num_mel_bins=num_mels, stride=stack)
    log_mel = SeamlessLogMel(num_mels, stack).to(torch.bfloat16)
    features, num_stacks = log_mel(*padded_batch(utterances(), filler))
    assert features.dtype == torch.float32
    for samples, found, count in zip(utterances(), features, num_stacks.tolist(), strict=True):
        frames = extractor._extract_fbank_features(samples)
        assert count == len(frames) // stack
        frames = (frames - frames.mean(0)) / np.sqrt(frames.var(0, ddof=1) + 1e-7)
        expected = frames[: count * stack].reshape(count, num_mels * stack)
        np.testing.assert_allclose(found[:count].numpy(), expected, atol=1e-4, rtol=0)
        assert (found[count:] == 0).all()


def test_a_mixed_batch_equals_that_of_the_reference_extractor() -> None:
    expected = SeamlessM4TFeatureExtractor()(utterances(), sampling_rate=16_000, return_tensors="pt")
    features, num_stacks = SeamlessLogMel(80, 2)(*padded_batch(utterances(), 0.0))
    assert num_stacks.tolist() == expected.attention_mask.sum(dim=1).tolist()
    for found, other, count in zip(features, expected.input_features, num_stacks.tolist(), strict=True):
        torch.testing.assert_close(found[:count], other[:count], atol=1e-4, rtol=0)


def test_silence_is_finite() -> None:
    features, _ = SeamlessLogMel(80, 2)(torch.zeros(1, 800), torch.tensor([800]))
    assert features.isfinite().all()
