"""Search order of a teacher's weights, requests to the hub, and safety of checkpoints."""

from pathlib import Path

import pytest
import torch

from espnet_ext.hub.pickled_weights import load_checkpoint
from espnet_ext.teachers import Runtime
from espnet_ext.teachers.ecapa import EcapaTeacher
from espnet_ext.teachers.espnet_spk import _fetch
from espnet_ext.teachers.runtime import fingerprint, local_folder
from espnet_ext.utils.errors import UserError

MODEL = "owner/name"


def write_files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


@pytest.mark.parametrize("place", ["owner/name", "name", "."])
def test_weights_are_found_under_the_full_name_the_last_part_or_in_the_folder_itself(
    tmp_path: Path, place: str
) -> None:
    write_files(tmp_path / place, "config.json", "part/a.bin")
    found = local_folder("t", MODEL, tmp_path, ["config.json|modules.json", "*.safetensors|*/*.bin"])
    assert found == tmp_path / place


def test_the_most_specific_folder_wins_unless_it_is_incomplete(tmp_path: Path) -> None:
    write_files(tmp_path, "a", "name/a", "owner/name/b")
    assert local_folder("t", MODEL, tmp_path, ["a"]) == tmp_path / "name"


def test_a_model_can_be_a_folder(tmp_path: Path) -> None:
    write_files(tmp_path / "mine", "a")
    assert local_folder("t", str(tmp_path / "mine"), tmp_path / "elsewhere", ["a"]) == tmp_path / "mine"
    with pytest.raises(UserError, match=f"teacher t: no weights of {tmp_path}/mine: expected b in {tmp_path}/mine$"):
        local_folder("t", str(tmp_path / "mine"), None, ["b"])


def test_without_a_folder_weights_are_requested_from_the_hub() -> None:
    assert local_folder("t", MODEL, None, ["a"]) is None


def test_fingerprints_depend_on_names_and_contents_and_not_on_folders(tmp_path: Path) -> None:
    one, other = write_files(tmp_path / "one", "a", "b"), write_files(tmp_path / "other", "a", "b")
    assert fingerprint([one / "a", one / "b"]) == fingerprint([other / "b", other / "a"])
    (other / "b").write_text("B")
    assert fingerprint([one / "a", one / "b"]) != fingerprint([other / "a", other / "b"])
    assert fingerprint([one / "a"]) != fingerprint([one / "b"])


def test_a_damaged_checkpoint_gives_one_error_line(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(100)}, tmp_path / "w.ckpt")
    (tmp_path / "w.ckpt").write_bytes((tmp_path / "w.ckpt").read_bytes()[:300])
    with pytest.raises(UserError, match="w.ckpt: damaged, or not plain weights"):
        load_checkpoint(tmp_path / "w.ckpt")


@pytest.mark.parametrize("content", [{"model": {"weight": torch.zeros(1)}, "epoch": 3}, [torch.zeros(1)]])
def test_a_checkpoint_with_more_than_a_model_gives_one_error_line(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "w.ckpt")
    with pytest.raises(UserError, match="w.ckpt: holds no weights by name"):
        load_checkpoint(tmp_path / "w.ckpt")


def hub(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[tuple[str, str | None, list[str]]]:
    """A hub that delivers `folder`; returns the list of requests."""
    asked = []

    def snapshot(model: str, revision: str | None, allow_patterns: list[str], **_: object) -> str:
        asked.append((model, revision, allow_patterns))
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    return asked


def test_only_the_weights_of_a_speechbrain_model_are_downloaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its hyperparams.yaml and custom.py could run code."""
    pytest.importorskip("speechbrain", reason="an optional teacher")
    torch.save({"weight": torch.zeros(1)}, tmp_path / "embedding_model.ckpt")
    asked = hub(monkeypatch, tmp_path)
    with pytest.raises(UserError, match="not a SpeechBrain ECAPA-TDNN"):
        EcapaTeacher(revision="abc", runtime=Runtime("cpu"))
    assert asked == [("speechbrain/spkrec-ecapa-voxceleb", "abc", ["embedding_model.ckpt"])]


def test_the_files_named_in_the_meta_yaml_of_an_espnet_model_are_downloaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_files(tmp_path, "exp/config.yaml", "exp/40epoch.pth")
    meta = "files: {model_file: exp/40epoch.pth}\nyaml_files: {train_config: exp/config.yaml}\n"
    (tmp_path / "meta.yaml").write_text(meta)
    asked = hub(monkeypatch, tmp_path)
    assert _fetch("espnet_spk", "espnet/x", None) == (tmp_path / "exp/config.yaml", tmp_path / "exp/40epoch.pth")
    assert asked == [
        ("espnet/x", None, ["meta.yaml"]),
        ("espnet/x", None, ["meta.yaml", "exp/config.yaml", "exp/40epoch.pth"]),
    ]
