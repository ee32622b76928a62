"""Data, a pretrained encoder and runs of the training command.

ESPnet's task takes seconds to import: tests that need it are in this folder.
"""

import json
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import save_file

from espnet_ext.model.encoder import build_encoder
from espnet_ext.training.monitor import TrainingProgress
from helpers.addition_run import write_accents, write_layers
from helpers.training_run import Train, make_dump, trainer


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory, encoder_config: dict, attributes_block: dict) -> Path:
    """Folder (with a space) of dumps, a pretrained encoder and configs."""
    folder = tmp_path_factory.mktemp("some work")
    make_dump(folder / "train", 16, seed=0)
    make_dump(folder / "dev", 6, seed=1)
    (folder / "encoder").mkdir()
    (folder / "encoder" / "config.json").write_text(json.dumps(encoder_config))
    torch.manual_seed(0)
    save_file(build_encoder(encoder_config).encoder.state_dict(), folder / "encoder" / "model.safetensors")
    (folder / "attributes.yaml").write_text(yaml.safe_dump({"attributes": attributes_block}, sort_keys=False))
    return folder


@pytest.fixture
def train(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """See `trainer`."""
    return trainer(work, tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def straight(work: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        return trainer(work, tmp_path_factory.mktemp("straight"), monkeypatch)()


@pytest.fixture
def epochs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Epochs in the order in which they start."""
    begun: list[int] = []
    plain = TrainingProgress.start_epoch

    def start_epoch(self: TrainingProgress, epoch: int) -> None:
        begun.append(epoch)
        plain(self, epoch)

    monkeypatch.setattr(TrainingProgress, "start_epoch", start_epoch)
    return begun


@pytest.fixture(scope="session")
def place(work: Path, straight: Path, tmp_path_factory: pytest.TempPathFactory, attributes_block: dict) -> Path:
    """Dumps with targets of a third attribute, and layers of the pretrained encoder and of the trained one."""
    folder = tmp_path_factory.mktemp("addition")
    write_accents(work, folder, attributes_block)
    write_layers(folder, work / "encoder", straight)
    return folder
