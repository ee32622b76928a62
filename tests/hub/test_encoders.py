"""Sources of encoders, with a fake hub."""

import json
from pathlib import Path

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import load_file

from espnet_ext.hub.encoders import encoder_folder
from espnet_ext.utils.errors import UserError


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> str:
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)


def test_a_local_folder_is_used_in_place(tmp_path: Path, no_hub: None) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert encoder_folder(str(tmp_path), tmp_path / "cache") == tmp_path


@pytest.mark.parametrize("given", ["openai/whisper-base", "whisper-base"])
def test_only_safetensors_and_json_files_are_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    requested: list[tuple[str, dict]] = []

    def download(name: str, **options: object) -> str:
        requested.append((name, options))
        (tmp_path / "model.safetensors").touch()
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert encoder_folder(given, tmp_path / "cache") == tmp_path
    [(name, options)] = requested
    assert name == "openai/whisper-base"
    assert options["cache_dir"] == tmp_path / "cache" / "hub"
    assert all(pattern.endswith(("safetensors", "json")) for pattern in options["allow_patterns"])


def test_a_hub_model_without_weights_for_torch_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(tmp_path))
    with pytest.raises(UserError, match="owner/model: the hub has neither model.safetensors nor pytorch_model.bin"):
        encoder_folder("owner/model", tmp_path)


def test_pickles_are_requested_only_if_there_are_no_safetensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = tmp_path / "0123abcd"

    def download(name: str, allow_patterns: list[str], **_: object) -> str:
        snapshot.mkdir(exist_ok=True)
        (snapshot / "config.json").write_text("{}")
        if "pytorch_model*.bin" in allow_patterns:
            torch.save({"weight": torch.arange(3.0)}, snapshot / "pytorch_model.bin")
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    folder = encoder_folder("microsoft/wavlm-base", tmp_path / "cache")
    assert folder.parent == tmp_path / "cache" / "converted"
    assert load_file(folder / "model.safetensors")["weight"].tolist() == [0.0, 1.0, 2.0]
    assert (folder / "config.json").is_file()


def test_an_unreachable_hub_gives_one_error_line(tmp_path: Path, no_hub: None) -> None:
    with pytest.raises(UserError, match="encoder: the hub cannot deliver facebook/w2v-bert-2.0 .*give the folder of"):
        encoder_folder("facebook/w2v-bert-2.0", tmp_path)


@pytest.mark.parametrize("name", ["whisper-bose", "./missing/folder", "/missing/folder", "a/b/c"])
def test_the_error_of_an_unknown_name_lists_the_short_names(tmp_path: Path, no_hub: None, name: str) -> None:
    with pytest.raises(UserError, match=f"{name}.*whisper-base"):
        encoder_folder(name, tmp_path)


def test_an_espnet_model_of_the_hub_is_fetched_by_its_meta_yaml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot, requested = tmp_path / "0123abcd", []
    (snapshot / "model").mkdir(parents=True)
    meta = "files: {ssl_file: model/xeus_checkpoint.pth}\nyaml_files: {ssl_train_config: model/config.yaml}\n"
    (snapshot / "meta.yaml").write_text(meta)
    (snapshot / "model" / "config.yaml").write_text("encoder: e_branchformer\ntoken_list: [a]\n")
    weights = {"encoder.embed.0.conv.bias": torch.ones(2), "encoder.after_norm.bias": torch.ones(1)}
    torch.save(weights | {"losses.0.bias": torch.ones(1)}, snapshot / "model" / "xeus_checkpoint.pth")

    def download(name: str, allow_patterns: list[str], **_: object) -> str:
        requested.append(allow_patterns)
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    folder = encoder_folder("espnet/xeus", tmp_path / "cache")
    assert requested[-1] == ["meta.yaml", "model/config.yaml", "model/xeus_checkpoint.pth"]
    assert load_file(folder / "model.safetensors").keys() == {"encoder.embed.0.convs.0.bias"}
    description = json.loads((folder / "config.json").read_text())
    assert (description["model_type"], description["encoder"]) == ("espnet", "e_branchformer")
    assert "token_list" not in description


@pytest.mark.parametrize("name", ["../secret.pth", "/etc/secret.pth"])
def test_a_meta_yaml_cannot_name_files_outside_its_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "meta.yaml").write_text(f"files: {{model_file: {name}}}\nyaml_files: {{train_config: config.yaml}}\n")
    with pytest.raises(UserError, match=f"{name}' is outside the model's folder"):
        encoder_folder(str(tmp_path), tmp_path / "cache")
