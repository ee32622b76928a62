"""The Whisper encoder against transformers' own forward, and its independence of padding and batch mates."""

import pytest
import torch
from transformers import WhisperFeatureExtractor

from espnet_ext.errors import UserError
from espnet_ext.utt.encoder import build_encoder
from espnet_ext.utt.encoder.whisper import WhisperSpeechEncoder

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


def test_averaged_frames_are_those_of_the_full_rate_averaged(encoder_config: dict) -> None:
    torch.manual_seed(0)
    full, averaged = (build_encoder(encoder_config, count).eval() for count in (1, 3))
    averaged.load_state_dict(full.state_dict())
    speech, lengths = 0.1 * torch.randn(2, 9000), torch.tensor([9000, 3300])
    with torch.no_grad():
        (layers, mask), (fewer, fewer_mask) = full(speech, lengths), averaged(speech, lengths)
    assert averaged.output_hop_samples == 3 * full.output_hop_samples
    for layer, coarse in zip(layers, fewer, strict=True):
        for row in range(2):
            frames = layer[row, mask[row]]
            expected = torch.stack([group.mean(dim=0) for group in frames.split(3)])
            torch.testing.assert_close(coarse[row, fewer_mask[row]], expected, atol=1e-6, rtol=1e-5)


def test_the_shortest_utterance_has_a_frame(encoder: WhisperSpeechEncoder) -> None:
    _, mask = encoder(torch.randn(1, encoder.min_samples), torch.tensor([encoder.min_samples]))
    assert mask.any()


def test_the_blocks_are_the_encoder_each_parameter_once(encoder: WhisperSpeechEncoder) -> None:
    in_blocks = [parameter for block in encoder.blocks() for parameter in block.parameters()]
    assert len(encoder.blocks()) == encoder.num_layers
    assert sorted(map(id, in_blocks)) == sorted(map(id, encoder.parameters()))


def test_an_unknown_architecture_is_refused_with_the_legal_ones() -> None:
    with pytest.raises(UserError, match="architecture 'wav2vec' is unknown; legal: whisper"):
        build_encoder({"model_type": "wav2vec"})
