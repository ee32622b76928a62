"""Models that earlier versions wrote still load."""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from espnet_ext.hub.model_files import load_model


def test_a_model_with_matryoshka_sizes_loads_without_them(model_folder: Path, tmp_path: Path) -> None:
    old = Path(shutil.copytree(model_folder, tmp_path / "old"))
    description = json.loads((old / "model.json").read_text())
    for name, entry in description["attributes"].items():
        entry["head"]["matryoshka"] = [2, 4] if name == "sem" else []
    (old / "model.json").write_text(json.dumps(description))
    weights = load_file(old / "model.safetensors")
    save_file(weights | {"heads.sem.matryoshka.axes": torch.eye(4, 8)}, old / "model.safetensors")
    found = load_model(old).state_dict()
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], weight) for name, weight in weights.items())
