"""Models written by earlier versions still load."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from espnet_ext.config.attributes import ObjectiveConfig
from espnet_ext.model.objective import build_objective
from espnet_ext.model.saved_model import load_model, read_description
from espnet_ext.utils.errors import UserError


@pytest.fixture
def old(model_folder: Path, tmp_path: Path) -> Path:
    """A model with the keys and weights of 2026: Matryoshka sizes, and a queue of negatives named `bank`."""
    folder = Path(shutil.copytree(model_folder, tmp_path / "old"))
    description = json.loads((folder / "model.json").read_text())
    for name, entry in description["attributes"].items():
        entry["head"]["matryoshka"] = [2, 4] if name == "sem" else []
    contrastive = description["attributes"]["sem"]["objectives"][1]
    contrastive["options"] = {"temperature": 0.1, "bank_size": 7}
    (folder / "model.json").write_text(json.dumps(description))
    weights = load_file(folder / "model.safetensors")
    save_file(weights | {"heads.sem.matryoshka.axes": torch.eye(4, 8)}, folder / "model.safetensors")
    return folder


def test_an_old_model_loads_with_the_weights_and_options_that_still_exist(old: Path, model_folder: Path) -> None:
    model, weights = load_model(old), load_file(model_folder / "model.safetensors")
    found = model.state_dict()
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], weight) for name, weight in weights.items())
    contrastive = model.objectives["sem"][1]
    assert (contrastive.temperature, contrastive.queue_size) == (0.1, 7)


def test_a_description_is_read_under_the_current_keys(old: Path, model_folder: Path) -> None:
    found, expected = read_description(old), read_description(model_folder)
    expected["attributes"]["sem"]["objectives"][1]["options"] = {"temperature": 0.1, "queue_size": 7}
    assert found == expected


@pytest.mark.parametrize("options", [{"bank_size": 7}, {"bank_size": 7, "temperature": 0.1}])
def test_the_error_of_an_old_key_names_the_new_key(options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="^attribute sem: objective contrastive: bank_size is now called queue_size"):
        build_objective(ObjectiveConfig(name="contrastive", options=options), "attribute sem")
