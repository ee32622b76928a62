"""Embeddings cut to smaller sizes, by the library and by the command."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from espnet_ext.bin import embed
from espnet_ext.config.attributes import parse_attributes
from espnet_ext.errors import UserError
from espnet_ext.hub.inference import UttEncoder
from espnet_ext.hub.model_files import save_model
from espnet_ext.utt.encoder import build_encoder
from espnet_ext.utt.espnet_model import ESPnetUttModel

WINDOW = 16_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, encoder_config: dict, attributes_block: dict) -> Path:
    """A model whose semantic embeddings, of 8 entries, can be cut to 2 and 4, along axes that are no entries."""
    sem = attributes_block["sem"]
    block = attributes_block | {"sem": sem | {"head": sem["head"] | {"matryoshka": [2, 4]}}}
    attributes = parse_attributes(block, "test")
    torch.manual_seed(0)
    model = ESPnetUttModel(build_encoder(encoder_config), attributes)
    model.heads["sem"].matryoshka.axes.copy_(torch.linalg.qr(torch.randn(8, 4)).Q.T)
    folder = tmp_path_factory.mktemp("cut")
    save_model(folder, model, encoder_config, attributes)
    return folder


@pytest.fixture(scope="module")
def encoder(folder: Path) -> UttEncoder:
    return UttEncoder.from_pretrained(folder, device="cpu")


@pytest.fixture(scope="module")
def recordings() -> list[np.ndarray]:
    """One of them longer than the encoder takes at once."""
    random = np.random.default_rng(0)
    return [random.normal(0, 0.1, length).astype(np.float32) for length in (5000, 9000, 2 * WINDOW + 3000)]


@pytest.mark.parametrize("size", [2, 4])
def test_a_cut_embedding_is_the_whole_one_along_its_axes(
    encoder: UttEncoder, recordings: list[np.ndarray], size: int
) -> None:
    whole, cut = encoder.encode(recordings), encoder.encode(recordings, dims={"sem": size})
    axes = encoder.model.heads["sem"].matryoshka.axes.numpy()[:size]
    expected = whole["sem"] @ axes.T
    np.testing.assert_allclose(cut["sem"], expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6)
    assert cut["sem"].dtype == np.float32
    np.testing.assert_array_equal(cut["spk"], whole["spk"])


@pytest.mark.parametrize(
    ("dims", "message"),
    [
        ({"sem": 3}, "dims: sem was not trained to be cut to 3; legal: 2, 4"),
        ({"spk": 4}, "dims: spk was not trained to be cut to 4; legal: its whole size alone"),
        ({"lang": 4}, "dims: no attribute 'lang'; the model has sem, spk"),
    ],
)
def test_a_size_that_was_not_trained_is_refused(encoder: UttEncoder, dims: dict[str, int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        encoder.encode([], dims=dims)


def test_the_command_cuts(
    folder: Path, encoder: UttEncoder, recordings: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "a.wav", recordings[1], 16_000, subtype="FLOAT")
    words = ["--model", str(folder), "--device", "cpu", "--out", str(tmp_path / "e.npz"), "--dims", "sem=2"]
    monkeypatch.setattr("sys.argv", ["embed", *words, str(tmp_path / "a.wav")])
    embed.main()
    with np.load(tmp_path / "e.npz", allow_pickle=False) as content:
        assert (content["sem"].shape, content["spk"].shape) == ((1, 2), (1, 6))
        np.testing.assert_array_equal(content["sem"], encoder.encode(recordings[1:2], dims={"sem": 2})["sem"])


@pytest.mark.parametrize("entry", ["sem", "sem=", "sem=a", "sem=-1"])
def test_an_entry_that_names_no_size_is_refused(entry: str) -> None:
    with pytest.raises(UserError, match="--dims sem: expected NAME=SIZE such as sem=64"):
        embed.parse_dims([entry])
