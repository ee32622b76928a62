"""Packing: the same bytes whenever it is done, and every form of a packed model loads."""

import json
import random
import re
import shutil
import zipfile
from pathlib import Path

import pytest

from espnet_ext.hub.fetch_model import model_folder as find_model
from espnet_ext.hub.pack import model_card, pack_model
from espnet_ext.model.saved_model import load_model
from espnet_ext.utils.errors import UserError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Archives are unpacked below this folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_packing_twice_gives_the_same_bytes(model_folder: Path, tmp_path: Path) -> None:
    first = pack_model(model_folder, tmp_path / "packed")
    content = first.read_bytes()
    assert pack_model(model_folder, tmp_path / "packed").read_bytes() == content
    # Nor do the times of its members depend on when and where it is packed.
    assert {member.date_time for member in zipfile.ZipFile(first).infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_name_with_a_dot_keeps_it(model_folder: Path, tmp_path: Path) -> None:
    assert pack_model(model_folder, tmp_path / "sem+spk.v1.2") == tmp_path / "sem+spk.v1.2.zip"


def test_folder_and_archive_hold_the_model_and_its_card(model_folder: Path, tmp_path: Path) -> None:
    archive = pack_model(model_folder, tmp_path / "packed")
    for folder in (find_model(tmp_path / "packed"), find_model(archive)):
        for name in ("model.json", "model.safetensors"):
            assert (folder / name).read_bytes() == (model_folder / name).read_bytes()
        load_model(folder)
    card = (tmp_path / "packed" / "README.md").read_text()
    assert "| sem | 8 | usem (from text) |" in card
    assert "| spk | 6 | resemblyzer (from speech) |" in card


def test_the_card_says_which_labels_an_attribute_was_learnt_from(model_folder: Path, tmp_path: Path) -> None:
    description = json.loads((model_folder / "model.json").read_text())
    description["attributes"]["spk"]["target"] |= {"teacher": None, "source": "labels", "labels": "utt2lang"}
    (tmp_path / "model.json").write_text(json.dumps(description))
    assert "| spk | 6 | utt2lang |" in model_card(tmp_path, "packed")


def test_a_model_that_does_not_load_is_not_packed(model_folder: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(model_folder, tmp_path / "broken"))
    (broken / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(UserError, match="damaged weights file"):
        pack_model(broken, tmp_path / "packed")
    assert not (tmp_path / "packed").exists() and not (tmp_path / "packed.zip").exists()


def write_archive(archive: Path, weights: bytes, compression: int) -> bytearray:
    """A zip file of a model with these weights; its bytes."""
    with zipfile.ZipFile(archive, "w", compression) as members:
        members.writestr("model.json", "{}")
        members.writestr("model.safetensors", weights)
    return bytearray(archive.read_bytes())


@pytest.mark.parametrize("damage", ["text", "truncated", "flipped", "deflated", "bomb", "encrypted", "empty archive"])
def test_a_damaged_archive_is_named(model_folder: Path, tmp_path: Path, damage: str) -> None:
    archive = pack_model(model_folder, tmp_path / "packed")
    content = bytearray(archive.read_bytes())
    if damage == "text":
        content = bytearray(b"not a zip file")
    if damage == "truncated":
        content = content[: len(content) // 2]
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    if damage == "deflated":
        content = write_archive(archive, random.Random(0).randbytes(500) * 2, zipfile.ZIP_DEFLATED)
        content[len(content) // 2] ^= 255
    if damage == "bomb":
        content = write_archive(archive, bytes(1_000_000), zipfile.ZIP_DEFLATED)
    if damage == "encrypted":
        content = write_archive(archive, b"weights", zipfile.ZIP_STORED)
        for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            for start in (match.start() for match in re.finditer(re.escape(signature), bytes(content))):
                content[start + flags] |= 1
    archive.write_bytes(content)
    if damage == "empty archive":
        zipfile.ZipFile(archive, "w").close()
    with pytest.raises(UserError, match=r"packed.zip: no packed model .*; pack it again"):
        find_model(archive)
    assert not list(tmp_path.rglob("cache/**/model.safetensors"))


def test_members_of_an_archive_cannot_escape(model_folder: Path, tmp_path: Path, cache: Path) -> None:
    archive = pack_model(model_folder, tmp_path / "packed")
    with zipfile.ZipFile(archive, "a") as members:
        for name in ("../../escaped", "/tmp/escaped", "model.json/../../escaped", "run.py"):
            members.writestr(name, "bad")
    find_model(archive)
    files = sorted(path.name for path in cache.rglob("*") if path.is_file())
    assert files == ["model.json", "model.safetensors"]
    assert not list(tmp_path.rglob("*escaped*"))


@pytest.mark.parametrize("name", ["nothing", "./no/model", "/no/model", "a/b/c"])
def test_what_is_neither_file_nor_hub_id_is_named(name: str) -> None:
    with pytest.raises(UserError, match=f"{name}: no such folder or zip file, and no hub id"):
        find_model(name)


def test_a_name_that_no_hub_would_take_is_named() -> None:
    with pytest.raises(UserError, match="no such folder or zip file, and the hub cannot deliver my models/packed"):
        find_model("my models/packed")


def test_a_hub_out_of_reach_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    asked: dict[str, object] = {}

    def refuse(name: str, **options: object) -> str:
        asked[name] = options["allow_patterns"]
        raise LocalEntryNotFoundError("offline")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(UserError, match="no such folder or zip file, and the hub cannot deliver owner/model"):
        find_model("owner/model")
    assert asked == {"owner/model": ["model.json", "model.safetensors"]}
