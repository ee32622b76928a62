"""Encoder weights are loaded from every kind of checkpoint in hub folders."""

import json
import logging
import os
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from espnet_ext.hub.encoders import encoder_folder
from espnet_ext.model.saved_model import load_encoder, read_encoder_config
from espnet_ext.utils.errors import UserError
from helpers.tiny_encoders import CONFIGS, HUGGING_FACE, tiny_encoder

# Class around the encoder, its attribute with the encoder, and skipped parts: inside the attribute, next to it.
AROUND = {
    "w2v_bert": ("Wav2Vec2BertForCTC", "wav2vec2_bert", "adapter masked_spec_embed", "lm_head"),
    "wav2vec2_base": ("Wav2Vec2ForPreTraining", "wav2vec2", "masked_spec_embed", "project_hid project_q quantizer"),
    "xls_r": ("Wav2Vec2ForCTC", "wav2vec2", "masked_spec_embed", "lm_head"),
    "hubert_base": ("HubertForCTC", "hubert", "masked_spec_embed", "lm_head"),
    "wavlm_base": (
        "WavLMForXVector",
        "wavlm",
        "masked_spec_embed",
        "classifier feature_extractor objective projector tdnn",
    ),
    "whisper": ("WhisperForConditionalGeneration", "model.encoder", "", "model.decoder"),
}


def model_around(name: str) -> PreTrainedModel:
    """A model with a head around the tiny encoder's weights, with masked training and an adapter if supported."""
    class_name, attribute, *_ = AROUND[name]
    cls = getattr(transformers, class_name)
    config = CONFIGS[name] | {"vocab_size": 11, "mask_time_prob": 0.05, "mask_feature_prob": 0.0}
    if name == "w2v_bert":
        config |= {"add_adapter": True}
    if name == "whisper":
        config |= {"decoder_layers": 1, "decoder_attention_heads": 4, "decoder_ffn_dim": 8, "pad_token_id": 0}
    model = cls(cls.config_class(**config))
    model.get_submodule(attribute).load_state_dict(tiny_encoder(name).encoder.state_dict(), strict=False)
    return model


def assert_is_tiny(folder: Path, name: str) -> None:
    expected = tiny_encoder(name).encoder.state_dict()
    loaded = load_encoder(folder).encoder.state_dict()
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(loaded[key], expected[key]) for key in expected)


@pytest.mark.parametrize("name", HUGGING_FACE)
def test_an_encoder_saved_without_a_head_is_loaded(name: str, tmp_path: Path) -> None:
    tiny_encoder(name).encoder.save_pretrained(tmp_path)
    assert_is_tiny(tmp_path, name)


@pytest.mark.parametrize("name", AROUND)
def test_the_encoder_of_a_larger_model_is_loaded_and_skipped_parts_are_named(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model_around(name).save_pretrained(tmp_path)
    with caplog.at_level(logging.INFO):
        assert_is_tiny(tmp_path, name)
    [line] = [record.message for record in caplog.records if record.name == "root"]
    _, attribute, inside, beside = AROUND[name]
    parts = sorted([*(f"{attribute}.{part}" for part in inside.split()), *beside.split()])
    assert line == f"{tmp_path}: skipped weights outside the encoder's layers: {', '.join(parts)}"


def test_all_shards_of_a_checkpoint_are_read(tmp_path: Path) -> None:
    model_around("w2v_bert").save_pretrained(tmp_path, max_shard_size="20KB")
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 2
    assert_is_tiny(tmp_path, "w2v_bert")
    shards[1].unlink()
    with pytest.raises(UserError, match=f"{shards[1].name}: no such file"):
        load_encoder(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text("[]")
    with pytest.raises(UserError, match="index.json: not an index of weights"):
        load_encoder(tmp_path)


def old_names(name: str) -> str:
    new = ("parametrizations.weight.original0", "parametrizations.weight.original1")
    return name.replace(new[0], "weight_g").replace(new[1], "weight_v")


@pytest.mark.parametrize("name", ["wav2vec2_base", "xls_r", "hubert_large", "wavlm_base"])
def test_weight_norm_is_loaded_from_its_old_names(name: str, tmp_path: Path) -> None:
    tiny_encoder(name).encoder.save_pretrained(tmp_path)
    weights = {old_names(key): tensor for key, tensor in load_file(tmp_path / "model.safetensors").items()}
    assert any(key.endswith("weight_g") for key in weights)
    save_file(weights, tmp_path / "model.safetensors")
    assert_is_tiny(tmp_path, name)


def test_half_precision_weights_fill_a_float32_encoder(tmp_path: Path) -> None:
    tiny_encoder("xls_r").encoder.half().save_pretrained(tmp_path)
    encoder = load_encoder(tmp_path)
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}


def pickled_folder(folder: Path, *contents: object) -> Path:
    """A checkpoint in the format before safetensors: configs, and one or several pickles."""
    model_around("wav2vec2_base").save_pretrained(folder)
    (folder / "model.safetensors").unlink()
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": False}))
    for index, content in enumerate(contents):
        suffix = f"-{index + 1:05}-of-{len(contents):05}" if len(contents) > 1 else ""
        torch.save(content, folder / f"pytorch_model{suffix}.bin")
    return folder


@pytest.mark.parametrize("num_files", [1, 2])
def test_a_pickled_checkpoint_is_converted_once(num_files: int, tmp_path: Path) -> None:
    weights = [(old_names(key), tensor) for key, tensor in model_around("wav2vec2_base").state_dict().items()]
    half = len(weights) // num_files
    folder = pickled_folder(
        tmp_path / "a model", *(dict(weights[i : i + half + 1]) for i in range(0, len(weights), half + 1))
    )
    converted = encoder_folder(str(folder), tmp_path / "cache")
    assert converted.parent == tmp_path / "cache" / "converted"
    assert_is_tiny(converted, "wav2vec2_base")
    assert read_encoder_config(converted)["preprocessor"] == {"do_normalize": False}
    before = (converted / "model.safetensors").stat().st_mtime_ns
    assert encoder_folder(str(folder), tmp_path / "cache") == converted
    assert (converted / "model.safetensors").stat().st_mtime_ns == before


class Code:
    """Unpickling an instance would run a command."""

    def __reduce__(self) -> tuple:
        return os.system, ("touch executed",)


@pytest.mark.parametrize("content", [{"weight": Code()}, Code(), {"weight": 1.0}, [torch.zeros(1)]])
def test_a_pickle_with_more_than_tensors_is_refused_and_not_run(
    content: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = pickled_folder(tmp_path / "model", content)
    with pytest.raises(UserError, match="pytorch_model.bin: "):
        encoder_folder(str(folder), tmp_path / "cache")
    assert not (tmp_path / "executed").exists()
    assert not any((tmp_path / "cache").rglob("*.safetensors"))


def test_the_error_names_a_damaged_pickle(tmp_path: Path) -> None:
    folder = pickled_folder(tmp_path / "model", {"weight": torch.zeros(100)})
    content = (folder / "pytorch_model.bin").read_bytes()
    (folder / "pytorch_model.bin").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="pytorch_model.bin: damaged, or not plain weights"):
        encoder_folder(str(folder), tmp_path / "cache")


@pytest.mark.parametrize(("change", "message"), [("missing", "is missing"), ("unknown", "is unknown")])
def test_a_checkpoint_of_another_encoder_is_an_error(change: str, message: str, tmp_path: Path) -> None:
    model_around("xls_r").save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    if change == "missing":
        del weights["wav2vec2.encoder.layers.1.attention.k_proj.weight"]
    else:
        weights["wav2vec2.encoder.layers.7.attention.k_proj.weight"] = torch.zeros(1)
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match=f"attention.k_proj.weight {message}"):
        load_encoder(tmp_path)


def test_tables_in_a_preprocessor_config_are_not_copied(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "whisper"}')
    (tmp_path / "preprocessor_config.json").write_text('{"sampling_rate": 16000, "mel_filters": [[0.0, 1.0]]}')
    expected = {"model_type": "whisper", "preprocessor": {"sampling_rate": 16_000}}
    assert read_encoder_config(tmp_path) == expected
