"""The command that converts a SENSE-2ATTR checkpoint."""

import json
import sys
from pathlib import Path

import pytest
import torch
import yaml

from espnet_ext.bin import convert_sense
from espnet_ext.bin.entry import run_main
from espnet_ext.config.attributes import parse_attributes
from espnet_ext.hub.sense import ENCODER_PREFIX, HEAD_NAMES, MODULES, OUR_ENCODER_PREFIX
from espnet_ext.model.encoder import build_encoder
from espnet_ext.model.saved_model import load_model
from espnet_ext.model.utt_model import UttModel
from helpers.tiny_encoders import CONFIGS

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


def write_checkpoint(folder: Path) -> UttModel:
    """Write a random model in the layout of SENSE-2ATTR, with the encoder's config."""
    torch.manual_seed(0)
    model = UttModel(build_encoder(CONFIGS["w2v_bert"]), parse_attributes(BLOCK, "test"))
    weights = model.state_dict()
    heads = {}
    for theirs, ours in HEAD_NAMES.items():
        module, _, rest = theirs.partition(".")
        heads[f"{MODULES.index(module)}.{rest}"] = weights[ours]
    encoder = {
        ENCODER_PREFIX + name.removeprefix(OUR_ENCODER_PREFIX): weight
        for name, weight in weights.items()
        if name.startswith(OUR_ENCODER_PREFIX)
    }
    folder.mkdir()
    torch.save(heads, folder / "model.ckpt")
    torch.save(encoder, folder / "wav2vec2.ckpt")
    (folder / "hyperparams.yaml").write_text(yaml.safe_dump({"layer_start_sem": 1, "layer_start_spk": 0}))
    (folder / "config.json").write_text(json.dumps(CONFIGS["w2v_bert"]))
    return model


def test_the_packed_model_has_the_weights_and_heads_of_the_checkpoint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = write_checkpoint(tmp_path / "sense")
    assert run(monkeypatch, "--sense", tmp_path / "sense", "--out", tmp_path / "packed") == 0
    assert (tmp_path / "packed.zip").is_file()
    assert not list(tmp_path.glob(".tmp-*"))
    after = load_model(tmp_path / "packed")
    assert after.state_dict().keys() == before.state_dict().keys()
    for name, weight in before.state_dict().items():
        assert torch.equal(after.state_dict()[name], weight), name
    assert [head.first_layer for head in after.heads.values()] == [1, 0]


def test_an_error_is_printed_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "config.json").write_text("{}")
    words = ("--sense", tmp_path / "empty", "--encoder", tmp_path, "--out", tmp_path / "packed")
    assert run(monkeypatch, *words) == 1
    assert capsys.readouterr().err == f"error: --encoder {tmp_path}: model_type None is not SENSE's, wav2vec2-bert\n"
    assert not (tmp_path / "packed").exists()
