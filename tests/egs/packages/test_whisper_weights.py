"""Conversion of encoder weights against a small transformers encoder with random weights."""

import numpy as np
import pytest
import torch
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from espnet_ext.utils.errors import UserError
from packages.whisper_weights import convert_encoder, sinusoids

NUM_LAYERS = 2


@pytest.fixture
def encoder() -> WhisperEncoder:
    torch.manual_seed(0)
    return WhisperEncoder(
        WhisperConfig(
            d_model=16,
            encoder_layers=NUM_LAYERS,
            encoder_attention_heads=2,
            encoder_ffn_dim=24,
            num_mel_bins=80,
            max_source_positions=20,
        )
    ).eval()


def to_ctranslate2(state: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """The inverse of the conversion, written from ctranslate2's converter (converters/transformers.py)."""
    state = {name: tensor.numpy() for name, tensor in state.items()}
    variables = {
        "encoder/num_heads": np.int16(2),
        "encoder/position_encodings/encodings": state["embed_positions.weight"],
        "encoder/layer_norm/gamma": state["layer_norm.weight"],
        "encoder/layer_norm/beta": state["layer_norm.bias"],
    }
    for name in ("conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias"):
        variables[f"encoder/{name.replace('.', '/')}"] = state[name]
    for layer in range(NUM_LAYERS):
        old, new = f"layers.{layer}", f"encoder/layer_{layer}"
        attention = f"{old}.self_attn"
        q, k, v = (state[f"{attention}.{name}_proj.weight"] for name in "qkv")
        biases = [state[f"{attention}.q_proj.bias"], np.zeros(16), state[f"{attention}.v_proj.bias"]]
        variables[f"{new}/self_attention/linear_0/weight"] = np.concatenate([q, k, v])
        variables[f"{new}/self_attention/linear_0/bias"] = np.concatenate(biases)
        for source, target in (
            ("self_attn.out_proj", "self_attention/linear_1"),
            ("fc1", "ffn/linear_0"),
            ("fc2", "ffn/linear_1"),
        ):
            variables[f"{new}/{target}/weight"] = state[f"{old}.{source}.weight"]
            variables[f"{new}/{target}/bias"] = state[f"{old}.{source}.bias"]
        for source, target in (("self_attn_layer_norm", "self_attention"), ("final_layer_norm", "ffn")):
            variables[f"{new}/{target}/layer_norm/gamma"] = state[f"{old}.{source}.weight"]
            variables[f"{new}/{target}/layer_norm/beta"] = state[f"{old}.{source}.bias"]
    return variables


def test_the_converted_weights_equal_those_of_the_encoder(encoder: WhisperEncoder) -> None:
    for parameter in encoder.parameters():  # biases and norms start as constants, which would hide a swap
        if parameter is not encoder.embed_positions.weight:
            torch.nn.init.normal_(parameter)
    expected = encoder.state_dict()
    converted = convert_encoder(to_ctranslate2(expected), NUM_LAYERS)
    assert converted.keys() == expected.keys()
    for name, weights in converted.items():
        assert weights.dtype == np.float32
        np.testing.assert_array_equal(weights, expected[name].numpy(), err_msg=name)


def test_sinusoids_equal_those_of_transformers(encoder: WhisperEncoder) -> None:
    np.testing.assert_allclose(sinusoids(20, 16), encoder.embed_positions.weight.numpy(force=True), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        (
            "encoder/layer_1/ffn/linear_1/bias",
            None,
            "linear_1/bias' of the Whisper model are missing",
        ),
        ("encoder/layer_2/ffn/linear_1/bias", np.zeros(16), "unexpected .*encoder/layer_2/ffn/linear_1/bias"),
        ("encoder/layer_0/self_attention/linear_0/bias", np.ones(48), "attention keys of the model have a bias"),
        ("encoder/position_encodings/encodings", np.zeros((20, 16)), "not Whisper's sinusoids"),
    ],
)
def test_a_wrong_model_is_refused(encoder: WhisperEncoder, name: str, values: np.ndarray | None, message: str) -> None:
    variables = to_ctranslate2(encoder.state_dict())
    if values is None:
        del variables[name]
    else:
        variables[name] = values
    with pytest.raises(UserError, match=message):
        convert_encoder(variables, NUM_LAYERS)


def test_a_decoder_in_the_file_is_ignored(encoder: WhisperEncoder) -> None:
    variables = to_ctranslate2(encoder.state_dict()) | {"decoder/embeddings/weight": np.zeros((5, 16))}
    assert len(convert_encoder(variables, NUM_LAYERS)) == len(encoder.state_dict())
