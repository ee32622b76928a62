"""The cache of the frozen encoder's layers: correct values, complete shards, emptied when its provenance changes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from espnet_ext.dump.layer_store import read_layers
from espnet_ext.kaldi.archives import append_to_ark, read_dumped
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.model.encoder import AbsSpeechEncoder, build_encoder
from espnet_ext.model.utt_model import AUTOCAST_DTYPES
from espnet_ext.training import layer_cache
from espnet_ext.training.layer_cache import LayerCache

NUM_UTTERANCES = 7


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    folder, entries = tmp_path / "dump", {}
    folder.mkdir()
    with (folder / "audio.ark").open("wb") as stream:
        for index in range(NUM_UTTERANCES):
            samples = random.normal(0, 0.1, 3000 + 1700 * index)
            entries[f"u{index}"] = f"{folder}/audio.ark:{append_to_ark(stream, f'u{index}', samples)}"
    write_scp(folder / "wav.scp", entries)
    return folder


@pytest.fixture
def encoder(encoder_config: dict) -> AbsSpeechEncoder:
    torch.manual_seed(0)
    return build_encoder(encoder_config).eval()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Folder whose model.safetensors replaces the encoder's weights (only its hash is used)."""
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer_cache, "SHARD_UTTERANCES", 3)


def fill(dump: Path, weights: Path, encoder: AbsSpeechEncoder) -> list[float]:
    return list(LayerCache(dump, weights, 1, "float32").fill(encoder, None))


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_every_utterance_has_the_layers_of_a_single_utterance(
    dump: Path, weights: Path, encoder: AbsSpeechEncoder
) -> None:
    fill(dump, weights, encoder)
    wav_scp = read_scp(dump / "wav.scp")
    layers_scp = read_scp(dump / "layers" / "layers.scp")
    assert list(layers_scp) == list(wav_scp)
    for utterance, entry in layers_scp.items():
        speech = torch.from_numpy(read_dumped(wav_scp[utterance]))[None]
        with torch.no_grad():
            layers, _ = encoder(speech, torch.tensor([speech.shape[1]]))
        found = read_layers(entry)
        assert found.dtype == np.float16
        np.testing.assert_allclose(found, torch.stack(layers, dim=2)[0].numpy(), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("num_frozen", [1, 2])
def test_the_output_of_the_last_frozen_block_is_stored_at_the_full_frame_rate(
    dump: Path, weights: Path, encoder: AbsSpeechEncoder, num_frozen: int
) -> None:
    encoder.frame_average = 2
    list(LayerCache(dump, weights, 2, "float32", num_frozen_blocks=num_frozen).fill(encoder, None))
    wav_scp = read_scp(dump / "wav.scp")
    hidden_scp = read_scp(dump / "layers" / f"hidden_{num_frozen}.scp")
    assert list(hidden_scp) == list(wav_scp)
    for utterance, entry in hidden_scp.items():
        speech = torch.from_numpy(read_dumped(wav_scp[utterance]))[None]
        with torch.no_grad():
            layers, mask = encoder.encode(speech, torch.tensor([speech.shape[1]]))
        hidden = read_layers(entry)
        assert hidden.dtype == np.float16
        np.testing.assert_allclose(hidden, layers[num_frozen - 1][0].numpy(), atol=1e-3, rtol=1e-3)
        averaged = read_layers(read_scp(dump / "layers" / "layers.scp")[utterance])
        assert averaged.shape == (-(-int(mask.sum()) // 2), encoder.num_layers, encoder.dim)


def test_a_cache_with_outputs_of_frozen_blocks_can_be_read_for_its_layers_only(
    dump: Path, weights: Path, encoder: AbsSpeechEncoder
) -> None:
    list(LayerCache(dump, weights, 1, "float32", num_frozen_blocks=2).fill(encoder, None))
    before = bytes_of(dump / "layers")
    assert sum(fill(dump, weights, encoder)) == 0
    assert bytes_of(dump / "layers") == before
    assert "hidden_2.scp" in before
    assert all(s > 0 for s in LayerCache(dump, weights, 1, "float32", num_frozen_blocks=1).fill(encoder, None))
    assert not (dump / "layers" / "hidden_2.scp").exists()


def test_a_killed_run_ends_with_the_same_bytes(dump: Path, weights: Path, encoder: AbsSpeechEncoder) -> None:
    fill(dump, weights, encoder)
    straight = bytes_of(dump / "layers")
    shutil.rmtree(dump / "layers")
    shards = LayerCache(dump, weights, 1, "float32").fill(encoder, None)
    next(shards)
    shards.close()
    assert not (dump / "layers" / "layers.scp").exists()
    assert [seconds > 0 for seconds in fill(dump, weights, encoder)] == [False, True, True]
    assert bytes_of(dump / "layers") == straight


@pytest.mark.parametrize("lost", ["layers.1.ark", "layers.1.scp", "hidden_1.1.scp", "hidden_1.scp", "provenance.json"])
def test_a_missing_file_is_written_again(dump: Path, weights: Path, encoder: AbsSpeechEncoder, lost: str) -> None:
    def run() -> None:
        list(LayerCache(dump, weights, 1, "float32", num_frozen_blocks=1).fill(encoder, None))

    run()
    straight = bytes_of(dump / "layers")
    for path in (dump / "layers").glob(lost.replace("hidden_1.1", "hidden*.1")):
        path.unlink()
    assert bytes_of(dump / "layers") != straight
    run()
    assert bytes_of(dump / "layers") == straight


def test_the_seconds_of_audio_are_counted(dump: Path, weights: Path, encoder: AbsSpeechEncoder) -> None:
    total = sum(3000 + 1700 * index for index in range(NUM_UTTERANCES)) / 16_000
    assert sum(fill(dump, weights, encoder)) == pytest.approx(total)
    assert sum(fill(dump, weights, encoder)) == 0


@pytest.mark.parametrize("change", ["weights", "audio", "autocast", "frame_average", "num_frozen_blocks"])
def test_changed_provenance_empties_the_cache(
    dump: Path, weights: Path, encoder: AbsSpeechEncoder, change: str
) -> None:
    fill(dump, weights, encoder)
    if change == "weights":
        (weights / "model.safetensors").write_bytes(b"others")
    if change == "audio":
        entries = read_scp(dump / "wav.scp")
        write_scp(dump / "wav.scp", {u: entry for u, entry in entries.items() if u != "u0"})
    frame_average = 3 if change == "frame_average" else 1
    autocast = "bfloat16" if change == "autocast" else "float32"
    num_frozen = 1 if change == "num_frozen_blocks" else None
    cache = LayerCache(dump, weights, frame_average, autocast, num_frozen_blocks=num_frozen)
    seconds = list(cache.fill(encoder, None))
    assert all(value > 0 for value in seconds)
    assert list(read_scp(dump / "layers" / "layers.scp")) == list(read_scp(dump / "wav.scp"))


@pytest.mark.parametrize(("native", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_a_cache_keeps_its_precision_on_another_machine(
    dump: Path,
    weights: Path,
    encoder: AbsSpeechEncoder,
    fake_bfloat16: Callable[[bool], None],
    capsys: pytest.CaptureFixture[str],
    native: bool,
    precision: str,
) -> None:
    fill_as(dump, weights, encoder, precision)
    straight = bytes_of(dump / "layers")
    shutil.rmtree(dump / "layers")
    fake_bfloat16(native)
    shards = LayerCache(dump, weights, 1, "auto").fill(encoder, AUTOCAST_DTYPES[precision])
    next(shards)
    shards.close()
    fake_bfloat16(not native)
    capsys.readouterr()
    assert [seconds > 0 for seconds in fill_as(dump, weights, encoder, "auto")] == [False, True, True]
    assert bytes_of(dump / "layers") == straight
    told, warning = capsys.readouterr().out.splitlines()
    assert told == f"  precision: {precision} (kept, {dump / 'layers'} was started with it)"
    assert warning.startswith("  warning: ")


def test_an_emptied_cache_uses_the_precision_of_the_machine(
    dump: Path, weights: Path, encoder: AbsSpeechEncoder, fake_bfloat16: Callable[[bool], None]
) -> None:
    fill_as(dump, weights, encoder, "bfloat16")
    (weights / "model.safetensors").write_bytes(b"others")
    fake_bfloat16(False)
    assert all(seconds > 0 for seconds in fill_as(dump, weights, encoder, "auto"))
    assert json.loads((dump / "layers" / "provenance.json").read_text())["autocast"] == "float32"


def fill_as(dump: Path, weights: Path, encoder: AbsSpeechEncoder, autocast: str) -> list[float]:
    cache = LayerCache(dump, weights, 1, autocast)
    return list(cache.fill(encoder, AUTOCAST_DTYPES[cache.autocast]))
