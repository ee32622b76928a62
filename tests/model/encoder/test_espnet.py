"""Encoders of ESPnet's SSL task: parity with ESPnet's forward, on files that ESPnet wrote."""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from espnet2.tasks.ssl import SSLTask

from espnet_ext.hub.encoders import encoder_folder
from espnet_ext.model.encoder import build_encoder
from espnet_ext.model.saved_model import load_encoder
from espnet_ext.utils.errors import UserError
from helpers.tiny_encoders import CONFIGS, speech_batch

LENGTHS = [560, 1055, 7777, 12_345, 16_000]
XEUS, HUBERT = CONFIGS["xeus"], CONFIGS["espnet_hubert"]
RELATIVE = {
    **XEUS,
    "frontend_conf": XEUS["frontend_conf"] | {"normalize_output": True},
    "preencoder": None,
    "encoder_conf": XEUS["encoder_conf"]
    | {"attention_layer_type": "rel_selfattn", "pos_enc_layer_type": "rel_pos", "input_layer": "linear"},
}
LAYOUTS = {"xeus": XEUS, "hubert": HUBERT, "relative": RELATIVE}


def write_model(folder: Path, layout: dict[str, Any]) -> torch.nn.Module:
    """Build a random model with ESPnet's task and save it as its trainer does; return the model."""
    options = {key: value for key, value in layout.items() if key != "model_type"}
    args = argparse.Namespace(**(SSLTask.get_default_config() | options))
    args.token_list = ["a", "b", "<unk>"]
    args.loss = [{"name": "hubert", "conf": {"num_classes": 3, "final_dim": 8}}]
    torch.manual_seed(0)
    model = SSLTask.build_model(args).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(vars(args)))
    torch.save(model.state_dict(), folder / "valid.loss.best.pth")
    return model


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_batch_has_the_hidden_states_of_espnet_for_each_utterance_alone(name: str, tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", LAYOUTS[name])
    encoder = load_encoder(encoder_folder(str(tmp_path / "model"), tmp_path / "cache")).eval()
    speech, lengths = speech_batch(LENGTHS, filler=5.0)
    with torch.no_grad():
        layers, mask = encoder(speech, lengths)
        for row, length in enumerate(LENGTHS):
            _, expected, num_frames = model.inference_encode(speech[row : row + 1, :length], lengths[row : row + 1])
            assert num_frames.tolist() == [mask[row].sum()]
            assert len(layers) == len(expected) + 1 == encoder.num_layers == 4
            for layer, other in zip(layers[1:], expected, strict=True):
                torch.testing.assert_close(layer[row, mask[row]], other[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", LAYOUTS)
def test_layers_above_a_cached_output_equal_those_of_the_whole_pass(name: str, tmp_path: Path) -> None:
    write_model(tmp_path / "model", LAYOUTS[name])
    encoder = load_encoder(encoder_folder(str(tmp_path / "model"), tmp_path / "cache")).eval()
    with torch.no_grad():
        layers, mask = encoder(*speech_batch(LENGTHS))
        upper, _ = encoder.forward_from(layers[1], mask, 2)
    for layer, other in zip(upper, layers[2:], strict=True):
        torch.testing.assert_close(layer, other, atol=0, rtol=0)


def test_a_packed_model_of_the_xeus_fork_is_read_through_its_meta_yaml(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", XEUS)
    (tmp_path / "packed" / "model").mkdir(parents=True)
    (tmp_path / "model" / "config.yaml").rename(tmp_path / "packed" / "model" / "config.yaml")
    weights = {name.replace("embed.0.convs.0.", "embed.0.conv."): w for name, w in model.state_dict().items()}
    torch.save(weights, tmp_path / "packed" / "model" / "xeus_checkpoint.pth")
    meta = {"files": {"ssl_file": "model/xeus_checkpoint.pth"}, "yaml_files": {"config": "model/config.yaml"}}
    (tmp_path / "packed" / "meta.yaml").write_text(yaml.safe_dump(meta))
    folder = encoder_folder(str(tmp_path / "packed"), tmp_path / "cache")
    assert load_encoder(folder).encoder["encoder"].embed[0].convs[0].bias.equal(model.encoder.embed[0].convs[0].bias)
    assert encoder_folder(str(tmp_path / "packed"), tmp_path / "cache") == folder


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "model", XEUS)
    torch.save({"encoder.weight": print}, tmp_path / "model" / "valid.loss.best.pth")
    with pytest.raises(UserError, match="valid.loss.best.pth: damaged, or not plain weights"):
        encoder_folder(str(tmp_path / "model"), tmp_path / "cache")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frontend": "s3prl"}, "frontend 's3prl' is not supported; legal: wav2vec_cnn"),
        ({"encoder": "conformer"}, "encoder 'conformer' is not supported; legal: e_branchformer, transformer"),
        ({"encoder_conf": {"input_layer": "conv2d"}}, "input_layer 'conv2d' is not supported"),
        ({"encoder_conf": {"no_such_option": 1}}, "ESPnet cannot build it: .*no_such_option"),
        ({"encoder_conf": {"output_size": "wide"}}, "ESPnet cannot build it: "),
        ({"frontend_conf": {"fs": "8k"}}, "fs 8k is not supported; legal: 16000"),
    ],
)
def test_an_encoder_that_cannot_be_built_gives_one_error_line(change: dict, message: str) -> None:
    with pytest.raises(UserError, match=f"encoder config: {message}"):
        build_encoder(XEUS | change)


def test_without_espnet_the_error_names_the_extra(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(XEUS))
    script = f"""
import json, sys
sys.modules["espnet2"] = None
from espnet_ext.utils.errors import UserError
from espnet_ext.model.encoder import build_encoder
try:
    build_encoder(json.load(open({str(config)!r})))
except UserError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    [line] = done.stdout.splitlines()
    assert line.startswith("this encoder is an ESPnet model") and line.endswith("pip install 'espnet_ext[train]'")
