"""An encoder from outside the package: registered in `ENCODERS`, it trains and embeds like the built-in encoders."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from espnet_ext.inference.utt_encoder import UttEncoder
from espnet_ext.model.encoder import ENCODERS, AbsSpeechEncoder
from espnet_ext.model.encoder.padding import real_positions
from helpers.training_run import trainer

WINDOW = 400


class WindowEncoder(AbsSpeechEncoder):
    """A linear map of windows of samples, then linear layers."""

    hop_samples = min_samples = WINDOW
    checkpoint_prefixes = ()
    lora_targets = ("1",)

    def __init__(self, config: dict, frame_average: int = 1) -> None:
        super().__init__(frame_average)
        self.dim, self.num_layers = config["width"], config["depth"] + 1
        sizes = [WINDOW, *[self.dim] * self.num_layers]
        self.encoder = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes[:-1], sizes[1:], strict=True))

    def front_end(self, speech: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        windows = speech.unfold(1, WINDOW, WINDOW)
        mask = real_positions(num_samples // WINDOW, windows.shape[1])
        return self.encoder[0](windows.masked_fill(~mask[..., None], 0.0)), mask

    def run_blocks(self, hidden: Tensor, frame_mask: Tensor, first_block: int) -> list[Tensor]:
        outputs = []
        for layer in self.encoder[first_block:]:
            hidden = layer(hidden).tanh()
            outputs.append(hidden)
        return outputs

    def blocks(self) -> list[nn.Module]:
        return list(self.encoder)


@pytest.fixture
def encoder_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registered architecture and a folder of its pretrained weights."""
    monkeypatch.setitem(ENCODERS, "window", WindowEncoder)
    config = {"model_type": "window", "width": 16, "depth": 2}
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "config.json").write_text(json.dumps(config))
    torch.manual_seed(0)
    save_file(WindowEncoder(config).encoder.state_dict(), tmp_path / "encoder" / "model.safetensors")
    return tmp_path / "encoder"


def test_an_encoder_from_outside_trains_and_embeds(
    work: Path, encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(work, tmp_path / "place", ignore=shutil.ignore_patterns("encoder"))
    run = trainer(tmp_path / "place", tmp_path, monkeypatch)
    out = run(tmp_path / "out", "--encoder", str(encoder_folder), max_epoch=1, num_iters_per_epoch=1)
    before, after = load_file(encoder_folder / "model.safetensors"), load_file(out / "model.safetensors")
    # The first block is frozen.
    for name, weight in before.items():
        assert torch.equal(after[f"encoder.encoder.{name}"], weight) == name.startswith("0."), name
    encoder = UttEncoder.from_pretrained(out, device="cpu")
    speech = [np.random.default_rng(0).normal(0, 0.1, length).astype(np.float32) for length in (4100, 9000)]
    together = encoder.encode(speech)
    assert {name: vectors.shape for name, vectors in together.items()} == {"sem": (2, 8), "spk": (2, 6)}
    for row, samples in enumerate(speech):
        for name, vectors in encoder.encode([samples]).items():
            np.testing.assert_allclose(together[name][row], vectors[0], atol=1e-5)
