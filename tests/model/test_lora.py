"""Adapters: they start as the identity, only they train, and a merged encoder is a plain encoder."""

import pytest
import torch

from espnet_ext.model.encoder import AbsSpeechEncoder
from espnet_ext.model.freezing import add_lora, freeze_blocks, merge_lora
from espnet_ext.utils.errors import UserError
from helpers.tiny_encoders import CONFIGS, speech_batch, tiny_encoder

ENCODERS = ["xeus", "hubert_large", "w2v_bert", "wav2vec2_base", "wavlm_base", "whisper"]
LENGTHS = [6000, 16_000]


def frames_of(encoder: AbsSpeechEncoder) -> torch.Tensor:
    """Real frames of all layers, concatenated."""
    with torch.no_grad():
        layers, mask = encoder(*speech_batch(LENGTHS))
    return torch.stack(layers)[:, mask]


def trained(encoder: AbsSpeechEncoder) -> AbsSpeechEncoder:
    """An encoder with adapters of random weights, as after a training."""
    torch.manual_seed(3)
    for parameter in encoder.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.2)
    return encoder


@pytest.mark.parametrize("name", ENCODERS)
def test_only_adapters_train_and_every_adapter_trains(name: str) -> None:
    encoder = tiny_encoder(name)
    before = frames_of(encoder)
    add_lora(encoder, rank=2, alpha=4.0)
    torch.testing.assert_close(frames_of(encoder), before, atol=0, rtol=0)
    layers, mask = trained(encoder)(*speech_batch(LENGTHS))
    torch.stack(layers)[:, mask].square().mean().backward()
    for parameter_name, parameter in encoder.named_parameters():
        assert parameter.requires_grad == ("lora_" in parameter_name)
        if parameter.requires_grad:
            assert parameter.grad.abs().sum() > 0, parameter_name
    adapted = {n.split(".lora_")[0].split(".")[-1] for n, p in encoder.named_parameters() if p.requires_grad}
    assert adapted == set(encoder.lora_targets)


@pytest.mark.parametrize("name", ENCODERS)
def test_a_merged_encoder_is_a_plain_encoder_with_the_same_output(name: str) -> None:
    encoder = tiny_encoder(name)
    plain = tiny_encoder(name)
    add_lora(encoder, rank=2, alpha=4.0)
    adapted = frames_of(trained(encoder))
    assert (adapted - frames_of(plain)).abs().max() > 0.1
    merge_lora(encoder)
    assert encoder.state_dict().keys() == plain.state_dict().keys()
    plain.load_state_dict(encoder.state_dict())
    torch.testing.assert_close(frames_of(plain), adapted, atol=1e-4, rtol=1e-4)


def test_merging_without_adapters_changes_nothing() -> None:
    encoder = tiny_encoder("w2v_bert")
    merge_lora(encoder)
    torch.testing.assert_close(frames_of(encoder), frames_of(tiny_encoder("w2v_bert")), atol=0, rtol=0)


def test_alpha_over_rank_scales_the_adapters() -> None:
    changes = []
    for alpha in (1.0, 3.0):
        encoder = tiny_encoder("w2v_bert")
        add_lora(encoder, rank=2, alpha=alpha, targets=["linear_v"])
        trained(encoder)
        merge_lora(encoder)
        weight = "encoder.layers.0.self_attn.linear_v.weight"
        changes.append(encoder.encoder.state_dict()[weight] - tiny_encoder("w2v_bert").encoder.state_dict()[weight])
    torch.testing.assert_close(changes[1], 3 * changes[0])


def test_adapters_of_frozen_blocks_do_not_train() -> None:
    encoder = tiny_encoder("w2v_bert")
    add_lora(encoder, rank=2, alpha=4.0)
    freeze_blocks(encoder, 2)
    training = {name.split(".")[3] for name, parameter in encoder.named_parameters() if parameter.requires_grad}
    assert training == {"1", "2"}


def test_checkpointed_adapters_have_the_same_gradient() -> None:
    gradients = []
    for checkpointed in (False, True):
        encoder = tiny_encoder("xls_r")
        add_lora(encoder, rank=2, alpha=4.0)
        if checkpointed:
            encoder.encoder.activation_checkpointing_enable()
        trained(encoder).train()
        torch.manual_seed(1)
        layers, mask = encoder(*speech_batch(LENGTHS))
        torch.stack(layers)[:, mask].square().mean().backward()
        gradients.append([p.grad for p in encoder.parameters() if p.requires_grad])
    torch.testing.assert_close(gradients[1], gradients[0])


def test_the_error_of_an_unknown_target_lists_the_valid_layers() -> None:
    with pytest.raises(UserError, match="no linear layer 'q_proj'; legal: .*linear_q.*output_dense"):
        add_lora(tiny_encoder("w2v_bert"), rank=2, alpha=4.0, targets=["linear_v", "q_proj"])


@pytest.mark.parametrize("name", CONFIGS)
def test_every_encoder_names_existing_layers(name: str) -> None:
    add_lora(tiny_encoder(name), rank=1, alpha=1.0)
