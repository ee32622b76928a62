"""Training with learned weights: results, resuming, and the next phase."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from espnet_ext.model.saved_model import load_model
from espnet_ext.utils.errors import UserError
from helpers.training_run import RESULTS, Train


def test_a_resumed_run_ends_with_the_same_model(train: Train, straight: Path, tmp_path: Path) -> None:
    conf = {"model_conf": {"task_weighting": "uncertainty", "gradient_interval": 2}}
    whole = train(tmp_path / "whole" / "out", **conf)
    resumed = train(tmp_path / "resumed" / "out", max_epoch=2, **conf)
    train(resumed, **conf)
    for file in RESULTS:
        assert (resumed / file).read_bytes() == (whole / file).read_bytes(), file
    # The weights are different, but the architecture is the same.
    found, plain = load_file(whole / "model.safetensors"), load_file(straight / "model.safetensors")
    assert found.keys() == plain.keys()
    assert any(not torch.equal(found[key], plain[key]) for key in plain)
    assert load_model(whole).state_dict().keys() == plain.keys()
    keys = set(pd.read_csv(whole / "curves.tsv", sep="\t")["key"])
    assert {"gradcos_sem_spk", "weight_sem", "weight_spk"} <= keys


def test_weights_are_learned_again_in_each_phase(train: Train, straight: Path, tmp_path: Path) -> None:
    still = {"optim_conf": {"lr": 0.0, "weight_decay": 0.0}, "optim2_conf": {"lr": 0.0}, "max_epoch": 1}
    conf = {"model_conf": {"task_weighting": "uncertainty"}}
    out = train(tmp_path / "out", "--init_model", str(straight), **still, **conf)
    assert (out / "model.safetensors").read_bytes() == (straight / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_conf": {"task_weighting": "gradnorm"}}, "'gradnorm' is unknown; legal: fixed, uncertainty"),
        ({"model_conf": {"decorrelation": 0.1}}, "model_conf: unknown key 'decorrelation'"),
    ],
)
def test_the_error_names_an_invalid_option(train: Train, changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        train(**changes)
