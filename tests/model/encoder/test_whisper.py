"""The Whisper encoder against the forward of transformers on full windows; the rest is in test_encoders.py."""

import pytest
import torch
from transformers import WhisperFeatureExtractor

from espnet_ext.model.encoder import build_encoder
from espnet_ext.model.encoder.whisper import WhisperSpeechEncoder

WINDOW = 16_000


@pytest.fixture
def encoder(encoder_config: dict) -> WhisperSpeechEncoder:
    torch.manual_seed(0)
    encoder = build_encoder(encoder_config).eval()
    for parameter in encoder.parameters():
        # The initial weights are so small that every layer would nearly be the identity.
        torch.nn.init.normal_(parameter, std=0.2)
    return encoder


def test_a_full_window_gives_the_hidden_states_of_transformers(encoder: WhisperSpeechEncoder) -> None:
    assert encoder.max_samples == WINDOW
    speech = 0.1 * torch.randn(2, WINDOW)
    features = WhisperFeatureExtractor()(
        [row.numpy() for row in speech], sampling_rate=16_000, padding=False, return_tensors="pt"
    ).input_features
    with torch.no_grad():
        expected = encoder.encoder(features, output_hidden_states=True).hidden_states
        layers, mask = encoder(speech, torch.tensor([WINDOW, WINDOW]))
    assert mask.all()
    assert len(layers) == len(expected) == encoder.num_layers
    for layer, other in zip(layers, expected, strict=True):
        torch.testing.assert_close(layer, other, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("filler", [0.0, 5.0, float("nan")])
def test_frames_do_not_depend_on_padding_or_batch_mates(encoder: WhisperSpeechEncoder, filler: float) -> None:
    lengths = torch.tensor([400, 480, 7777, 12_345, WINDOW])
    batch = torch.full((len(lengths), WINDOW), filler)
    for row, length in zip(batch, lengths, strict=True):
        row[:length] = 0.1 * torch.randn(int(length))
    with torch.no_grad():
        together, mask = encoder(batch, lengths)
        for index, length in enumerate(lengths.tolist()):
            alone, own_mask = encoder(batch[index : index + 1, :length], lengths[index : index + 1])
            assert own_mask.all()
            assert mask[index].sum() == own_mask.shape[1] == -(-(length // 160) // 2)
            for layer, other in zip(together, alone, strict=True):
                torch.testing.assert_close(layer[index, mask[index]], other[0], atol=1e-5, rtol=0)
