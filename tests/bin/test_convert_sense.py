"""The command that converts SENSE-2ATTR's layout, there and back."""

import sys
from pathlib import Path

import pytest
import torch
from tiny_encoders import CONFIGS

from espnet_ext.bin import convert_sense
from espnet_ext.bin.entry import run_main
from espnet_ext.config.attributes import parse_attributes
from espnet_ext.hub.model_files import load_model, save_model
from espnet_ext.utt.encoder import build_encoder
from espnet_ext.utt.espnet_model import ESPnetUttModel

HEAD = {"hidden_dim": 32, "dim": 32, "first_layer": 1}
BLOCK = {
    "sem": {"target": {"teacher": "bge_m3", "from": "text"}, "head": HEAD, "objective": {"name": "cosine"}},
    "spk": {
        "target": {"teacher": "ecapa", "from": "speech"},
        "head": HEAD | {"dim": 12, "first_layer": 0},
        "objective": {"name": "cosine"},
    },
}


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Exit status of the command."""
    monkeypatch.setattr(sys, "argv", ["convert_sense", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_:
        run_main(convert_sense.main)
    return exit_.value.code


def write_model(folder: Path) -> Path:
    torch.manual_seed(0)
    attributes = parse_attributes(BLOCK, "test")
    model = ESPnetUttModel(build_encoder(CONFIGS["w2v_bert"]), attributes)
    save_model(folder, model, CONFIGS["w2v_bert"], attributes)
    return folder


def test_there_and_back_gives_the_same_weights_and_heads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    assert run(monkeypatch, "--model", model, "--out", tmp_path / "sense") == 0
    assert {path.name for path in (tmp_path / "sense").iterdir()} == {
        "config.json",
        "hyperparams.yaml",
        "model.ckpt",
        "wav2vec2.ckpt",
    }
    assert run(monkeypatch, "--sense", tmp_path / "sense", "--out", tmp_path / "packed") == 0
    assert (tmp_path / "packed.zip").is_file()
    assert not list(tmp_path.glob(".tmp-*"))
    before, after = load_model(model), load_model(tmp_path / "packed")
    assert after.state_dict().keys() == before.state_dict().keys()
    for name, weight in before.state_dict().items():
        assert torch.equal(after.state_dict()[name], weight), name
    assert [head.first_layer for head in after.heads.values()] == [1, 0]


def test_a_fault_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write_model(tmp_path / "model")
    (tmp_path / "config.json").write_text((tmp_path / "model" / "model.json").read_text())
    words = ("--sense", tmp_path / "empty", "--encoder", tmp_path, "--out", tmp_path / "packed")
    assert run(monkeypatch, *words) == 1
    assert capsys.readouterr().err == f"error: --encoder {tmp_path}: model_type None is not SENSE's, wav2vec2-bert\n"
    assert run(monkeypatch, "--sense", tmp_path / "empty", "--model", tmp_path, "--out", tmp_path / "packed") == 1
    assert "not allowed with argument --sense" in capsys.readouterr().err
    assert not (tmp_path / "packed").exists()
