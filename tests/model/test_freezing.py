"""Freezing by block range, and other settings for the training of an encoder."""

import pytest
import torch
from transformers.modeling_layers import GradientCheckpointingLayer

from espnet_ext.config.training import EncoderConf
from espnet_ext.model.encoder import AbsSpeechEncoder, build_encoder
from espnet_ext.model.freezing import apply_freezing, freeze_blocks
from espnet_ext.utils.errors import UserError
from helpers.tiny_encoders import CONFIGS, HUGGING_FACE, speech_batch, tiny_encoder


@pytest.fixture
def encoder(encoder_config: dict) -> AbsSpeechEncoder:
    return build_encoder(encoder_config)


def trainable(encoder: AbsSpeechEncoder) -> list[bool]:
    """Whether any parameter trains, for each block."""
    return [any(parameter.requires_grad for parameter in block.parameters()) for block in encoder.blocks()]


@pytest.mark.parametrize(
    ("num_blocks", "expected"),
    [(0, [True, True, True]), (1, [False, True, True]), (2, [False, False, True]), (-1, [False] * 3)],
)
def test_the_first_blocks_are_frozen(encoder: AbsSpeechEncoder, num_blocks: int, expected: list[bool]) -> None:
    freeze_blocks(encoder, num_blocks)
    assert trainable(encoder) == expected


def test_fixed_positions_of_whisper_stay_frozen(encoder: AbsSpeechEncoder) -> None:
    freeze_blocks(encoder, 0)
    fixed = [name for name, parameter in encoder.named_parameters() if not parameter.requires_grad]
    assert fixed == ["encoder.embed_positions.weight"]


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("num_blocks", [1, 2, -1])
def test_frozen_blocks_give_the_same_output_in_training_and_evaluation(name: str, num_blocks: int) -> None:
    encoder = tiny_encoder(name)
    with_dropout(encoder)
    batch = speech_batch([9000, 12_000])
    with torch.no_grad():
        expected, mask = encoder.eval()(*batch)
        freeze_blocks(encoder, num_blocks)
        layers, _ = encoder.train()(*batch)
    for index, (layer, other) in enumerate(zip(expected, layers, strict=True)):
        frozen = num_blocks == -1 or index < num_blocks
        assert torch.equal(layer[mask], other[mask]) == frozen, index


def with_dropout(encoder: AbsSpeechEncoder) -> None:
    """Set every dropout of the encoder to a visible rate."""
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.5
        elif isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.5


@pytest.mark.parametrize("num_blocks", [-2, 4])
def test_a_missing_block_is_refused(encoder: AbsSpeechEncoder, num_blocks: int) -> None:
    with pytest.raises(UserError, match=f"freeze_blocks {num_blocks} is not within -1 to 3"):
        freeze_blocks(encoder, num_blocks)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_encoder_can_be_frozen_up_to_a_layer(name: str) -> None:
    encoder = tiny_encoder(name)
    apply_freezing(encoder, EncoderConf(freeze_blocks=2))
    assert trainable(encoder) == [False, False, True, True]
    assert not any(layer.gradient_checkpointing for layer in checkpointing_layers(encoder))


@pytest.mark.parametrize("name", HUGGING_FACE)
def test_every_layer_of_every_encoder_can_be_checkpointed(name: str) -> None:
    encoder = tiny_encoder(name)
    apply_freezing(encoder, EncoderConf(gradient_checkpointing=True))
    assert all(trainable(encoder))
    layers = checkpointing_layers(encoder)
    assert len(layers) >= encoder.num_layers - 1
    assert all(layer.gradient_checkpointing for layer in layers)


def checkpointing_layers(encoder: AbsSpeechEncoder) -> list[GradientCheckpointingLayer]:
    return [module for module in encoder.modules() if isinstance(module, GradientCheckpointingLayer)]
