"""Properties of every encoder: parity with transformers, no leak from padding, no synchronization with the device."""

from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import PreTrainedModel, SeamlessM4TFeatureExtractor, Wav2Vec2FeatureExtractor

from espnet_ext.audio import MIN_SAMPLES
from espnet_ext.model.encoder import AbsSpeechEncoder, build_encoder
from espnet_ext.utils.errors import UserError
from helpers.tiny_encoders import CONFIGS, HUGGING_FACE, speech_batch, tiny_encoder

LENGTHS = [560, 1055, 7777, 12_345, 16_000]
# Whisper's stock forward needs 30 s: tests/model/encoder/test_whisper.py compares at the full window.
STOCK = [name for name in HUGGING_FACE if name != "whisper"]


@pytest.fixture(params=sorted(CONFIGS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def stock_model(encoder: AbsSpeechEncoder) -> PreTrainedModel:
    """The transformers model with the encoder's weights, its original forward, and no fused attention."""
    config = type(encoder.encoder.config)(**encoder.encoder.config.to_dict())
    config.tie_last_hidden_states = True
    model = type(encoder.encoder)._from_config(config, attn_implementation="eager").eval()
    model.load_state_dict(encoder.encoder.state_dict())
    return model


def stock_input(name: str, encoder: AbsSpeechEncoder, samples: torch.Tensor) -> dict[str, torch.Tensor]:
    """Features of one utterance from the reference extractor, without the half frame that some extractors add."""
    if name == "w2v_bert":
        output = SeamlessM4TFeatureExtractor()(samples.numpy(), sampling_rate=16_000, return_tensors="pt")
        return {"input_features": output.input_features[:, : int(output.attention_mask.sum())]}
    extractor = Wav2Vec2FeatureExtractor(do_normalize=encoder.do_normalize)
    return dict(extractor(samples.numpy(), sampling_rate=16_000, return_tensors="pt"))


@pytest.mark.parametrize("name", STOCK)
def test_a_batch_gives_the_hidden_states_of_transformers_for_each_utterance_alone(name: str) -> None:
    encoder = tiny_encoder(name)
    model = stock_model(encoder)
    speech, lengths = speech_batch(LENGTHS)
    with torch.no_grad():
        layers, mask = encoder(speech, lengths)
        for row, length in enumerate(LENGTHS):
            inputs = stock_input(name, encoder, speech[row, :length])
            expected = model(**inputs, output_hidden_states=True).hidden_states
            assert len(layers) == len(expected) == encoder.num_layers
            for layer, other in zip(layers, expected, strict=True):
                assert other.shape == (1, mask[row].sum(), encoder.dim)
                torch.testing.assert_close(layer[row, mask[row]], other[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", HUGGING_FACE)
@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
def test_a_config_cannot_run_code_from_the_hub(name: str, key: str) -> None:
    plain = build_encoder(CONFIGS[name]).encoder.config._attn_implementation
    implementation = build_encoder(CONFIGS[name] | {key: "owner/kernel"}).encoder.config._attn_implementation
    assert implementation == plain


@pytest.mark.parametrize("filler", [0.0, 5.0, float("nan")])
def test_frames_do_not_depend_on_padding_or_batch_mates(name: str, filler: float) -> None:
    encoder = tiny_encoder(name)
    speech, lengths = speech_batch([max(encoder.min_samples, 400), *LENGTHS], filler)
    with torch.no_grad():
        together, mask = encoder(speech, lengths)
        for row, length in enumerate(lengths.tolist()):
            alone, own_mask = encoder(speech[row : row + 1, :length], lengths[row : row + 1])
            assert own_mask.all()
            assert own_mask.shape[1] == mask[row].sum() > 0
            for layer, other in zip(together, alone, strict=True):
                assert layer.shape[2] == encoder.dim
                torch.testing.assert_close(layer[row, mask[row]], other[0], atol=1e-5, rtol=0)


def test_the_shortest_utterance_has_one_frame_and_a_second_has_the_frame_rate(name: str) -> None:
    encoder = tiny_encoder(name)
    with torch.no_grad():
        _, mask = encoder(*speech_batch([encoder.min_samples, 16_000]))
    assert mask[0].sum() == 1
    assert abs(int(mask[1].sum()) - 16_000 / encoder.hop_samples) <= 1


def test_dumped_utterances_are_long_enough(name: str) -> None:
    assert tiny_encoder(name).min_samples <= MIN_SAMPLES


def test_training_differs_from_evaluation_only_by_dropout(name: str) -> None:
    encoder = tiny_encoder(name)
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "dropout") and isinstance(module.dropout, float):
            module.dropout = 0.0
        for option in ("activation_dropout", "dropout_rate"):
            if hasattr(module, option):
                setattr(module, option, 0.0)
    batch = speech_batch(LENGTHS)
    with torch.no_grad():
        evaluated, mask = encoder(*batch)
        trained, _ = encoder.train()(*batch)
    for layer, other in zip(evaluated, trained, strict=True):
        torch.testing.assert_close(layer[mask], other[mask], atol=1e-5, rtol=0)


def test_checkpointed_gradients_are_those_of_the_whole_graph(name: str) -> None:
    gradients = []
    for checkpointed in (False, True):
        encoder = tiny_encoder(name)
        if checkpointed:
            encoder.enable_checkpointing()
        encoder.train()
        torch.manual_seed(1)
        layers, mask = encoder(*speech_batch(LENGTHS))
        torch.stack(layers)[:, mask].square().mean().backward()
        gradients.append({n: p.grad for n, p in encoder.named_parameters() if p.requires_grad})
    for parameter, gradient in gradients[0].items():
        assert gradient is not None, f"{parameter} has no part in the output"
        torch.testing.assert_close(gradients[1][parameter], gradient, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_the_host_never_synchronizes_with_the_device(name: str, mode: str) -> None:
    # Fake tensors have shapes and no values: reading one, or a shape that depends on values, raises.
    encoder = getattr(tiny_encoder(name), mode)()
    with FakeTensorMode(allow_non_fake_inputs=True) as fakes, torch.autocast("cpu", torch.bfloat16):
        speech, lengths = (fakes.from_tensor(tensor) for tensor in speech_batch(LENGTHS))
        layers, mask = encoder(speech, lengths)
    assert len(layers) == encoder.num_layers
    assert all(layer.shape[:2] == mask.shape for layer in layers)


def test_bfloat16_stays_close_to_float32(name: str) -> None:
    encoder = tiny_encoder(name)
    speech, lengths = speech_batch(LENGTHS)
    with torch.no_grad():
        exact, mask = encoder(speech, lengths)
        with torch.autocast("cpu", torch.bfloat16):
            rough, _ = encoder(speech, lengths)
    for layer, other in zip(exact, rough, strict=True):
        assert other[mask].isfinite().all()
        cosine = torch.nn.functional.cosine_similarity(layer[mask], other[mask].float(), dim=-1)
        assert cosine.mean() > 0.995


def test_averaged_frames_are_those_of_the_full_rate_averaged(name: str) -> None:
    full, averaged = tiny_encoder(name), tiny_encoder(name, 3)
    batch = speech_batch([9000, 3300])
    with torch.no_grad():
        (layers, mask), (fewer, fewer_mask) = full(*batch), averaged(*batch)
    assert averaged.output_hop_samples == 3 * full.output_hop_samples
    for layer, coarse in zip(layers, fewer, strict=True):
        for row in range(2):
            expected = torch.stack([group.mean(dim=0) for group in layer[row, mask[row]].split(3)])
            torch.testing.assert_close(coarse[row, fewer_mask[row]], expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("first_block", [1, 2, 3])
def test_upper_blocks_continue_from_the_output_of_the_block_below(name: str, first_block: int) -> None:
    encoder, full_rate = tiny_encoder(name, 2), tiny_encoder(name)
    batch = speech_batch(LENGTHS)
    with torch.no_grad():
        (layers, mask), (full_layers, full_mask) = encoder(*batch), full_rate(*batch)
        upper, upper_mask = encoder.forward_from(full_layers[first_block - 1], full_mask, first_block)
    assert torch.equal(upper_mask, mask)
    assert len(upper) == encoder.num_layers - first_block
    for layer, other in zip(layers[first_block:], upper, strict=True):
        torch.testing.assert_close(other[mask], layer[mask], atol=1e-5, rtol=0)


def test_the_blocks_contain_each_parameter_of_the_encoder_once(name: str) -> None:
    encoder = tiny_encoder(name)
    in_blocks = [parameter for block in encoder.blocks() for parameter in block.parameters()]
    assert len(encoder.blocks()) == encoder.num_layers
    assert sorted(map(id, in_blocks)) == sorted(map(id, encoder.parameters()))


@pytest.mark.parametrize(
    ("base", "change", "message"),
    [
        ("w2v_bert", {"position_embeddings_type": "rotary"}, "position_embeddings_type must be relative_key"),
        ("w2v_bert", {"preprocessor": {"num_mel_bins": 40}}, "40 mel bands x 2 stacked frames"),
        ("xls_r", {"preprocessor": {"sampling_rate": 8000}}, "8000 Hz"),
        (
            "xls_r",
            {"model_type": "wav2vec"},
            "'wav2vec' is unknown; legal: espnet, hubert, wav2vec2, wav2vec2-bert, wavlm",
        ),
    ],
)
def test_the_error_of_an_encoder_that_cannot_be_built_gives_the_reason(
    base: str, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        build_encoder(CONFIGS[base] | change)


def test_the_preprocessor_config_decides_on_normalization() -> None:
    assert build_encoder(CONFIGS["xls_r"]).do_normalize
    assert not build_encoder(CONFIGS["wavlm_base"]).do_normalize
    assert build_encoder(CONFIGS["wavlm_base"] | {"preprocessor": {"do_normalize": True}}).do_normalize
