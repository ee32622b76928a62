"""Waveform normalization against that of transformers."""

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2FeatureExtractor

from espnet_ext.model.encoder.padding import normalize_waveform

LENGTHS = [400, 1234, 16_000, 40_001]


@pytest.mark.parametrize("filler", [0.0, 9.0, float("nan")])
def test_a_padded_batch_equals_that_of_the_reference_extractor(filler: float) -> None:
    random = np.random.default_rng(0)
    speech = [random.normal(0.02, 0.1 ** (1 + index), n).astype(np.float32) for index, n in enumerate(LENGTHS)]
    batch = torch.full((len(LENGTHS), max(LENGTHS)), filler)
    for row, samples in zip(batch, speech, strict=True):
        row[: len(samples)] = torch.from_numpy(samples)
    expected = Wav2Vec2FeatureExtractor(return_attention_mask=True)(
        speech, sampling_rate=16_000, padding=True, return_tensors="pt"
    ).input_values
    found = normalize_waveform(batch, torch.tensor(LENGTHS))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_silence_remains_silence() -> None:
    assert (normalize_waveform(torch.zeros(1, 800), torch.tensor([700])) == 0).all()
