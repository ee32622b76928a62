"""Training of encoders other than the default, and of adapters instead of the encoder's weights."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import SeamlessM4TFeatureExtractor

from espnet_ext.inference.utt_encoder import UttEncoder
from espnet_ext.model.saved_model import load_model
from espnet_ext.utils.errors import UserError
from helpers.tiny_encoders import CONFIGS, tiny_encoder
from helpers.training_run import Train


def test_adapters_train_from_a_plain_model_and_are_merged_into_a_plain_one(
    straight: Path, train: Train, tmp_path: Path
) -> None:
    conf = {"frame_average": 2, "gradient_checkpointing": True, "lora_rank": 2, "lora_targets": ["fc1"]}
    heads_still = {"optim_conf": {"lr": 0.0, "weight_decay": 0.0}, "optim2_conf": {"lr": 10.0}, "max_epoch": 1}
    out = train(tmp_path / "out", "--init_model", str(straight), encoder_conf=conf, **heads_still)
    before, after = (load_file(folder / "model.safetensors") for folder in (straight, out))
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {f"encoder.encoder.layers.{index}.fc1.weight" for index in (0, 1)}
    load_model(out)


def test_a_hub_folder_of_w2v_bert_trains(train: Train, tmp_path: Path) -> None:
    before = tiny_encoder("w2v_bert").encoder
    before.save_pretrained(tmp_path / "encoder")
    SeamlessM4TFeatureExtractor().save_pretrained(tmp_path / "encoder")
    out = train(tmp_path / "out", "--encoder", str(tmp_path / "encoder"), max_epoch=1)
    trained = load_model(out).encoder.encoder.state_dict()
    for name, tensor in before.state_dict().items():
        # The softmax over keys is invariant to a bias that they share.
        if not name.endswith("linear_k.bias"):
            assert torch.equal(tensor, trained[name]) == name.startswith("feature_projection"), name
    assert json.loads((out / "model.json").read_text())["encoder"]["preprocessor"]["num_mel_bins"] == 80


def test_an_espnet_encoder_trains_its_upper_layers_and_embeds(train: Train, tmp_path: Path) -> None:
    before = tiny_encoder("xeus").encoder.state_dict()
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "config.json").write_text(json.dumps(CONFIGS["xeus"]))
    save_file(before, tmp_path / "encoder" / "model.safetensors")
    conf = {"freeze_blocks": 2, "gradient_checkpointing": True}
    words = ["--encoder", str(tmp_path / "encoder")]
    model = load_model(train(tmp_path / "out", *words, encoder_conf=conf, max_epoch=1, num_iters_per_epoch=1))
    for name, tensor in model.encoder.encoder.state_dict().items():
        # The softmax over keys is invariant to a bias that they share.
        if not name.endswith("linear_k.bias"):
            assert torch.equal(tensor, before[name]) == (
                not name.startswith(("encoder.encoders.1", "encoder.encoders.2"))
            )
    assert UttEncoder(model).encode([torch.randn(5000) / 10])["sem"].shape == (1, 8)


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({"lora_rank": 2, "freeze_blocks": -1}, "lora_rank has no effect with freeze_blocks -1"),
        ({"lora_rank": -2}, "lora_rank must be greater than or equal to 0, found -2"),
        ({"lora_rank": 2, "lora_targets": ["query"]}, "no linear layer 'query'; legal: fc1, fc2, k_proj"),
        ({"lora_rank": 2, "lora_targets": "fc1"}, "lora_targets must be a valid list, found 'fc1'"),
    ],
)
def test_invalid_adapters_give_one_error_line(train: Train, conf: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        train(encoder_conf=conf)
