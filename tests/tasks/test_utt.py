"""Training end to end on noise: its outputs, which a crash at any point does not change."""

import argparse
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

from espnet_ext.model.freezing import freeze_blocks
from espnet_ext.model.saved_model import load_encoder, load_model, read_attributes
from espnet_ext.tasks.espnet_model import ESPnetUttModel
from espnet_ext.tasks.utt import UttTask
from espnet_ext.training import checkpoint
from espnet_ext.training.layer_cache import LayerCache
from espnet_ext.training.monitor import TrainingProgress
from espnet_ext.utils.errors import UserError
from helpers.training_run import RESULTS, Train


class Crash(BaseException):
    """Simulates kill -9: no handler may catch it."""


def crash_in_the_middle_of_epoch_2(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = TrainingProgress.count

    def count(self: TrainingProgress, batch: dict) -> None:
        plain(self, batch)
        if (self.epoch, self.batch) == (2, 2):
            raise Crash

    monkeypatch.setattr(TrainingProgress, "count", count)


def crash_at_rename(number: int) -> Callable[[pytest.MonkeyPatch], None]:
    """Crash right after the rename of that number since checkpoints have a predecessor (in epoch 2)."""

    def install(monkeypatch: pytest.MonkeyPatch) -> None:
        done = []

        def replace(source: Path, target: Path) -> None:
            plain(source, target)
            if done or Path(target).name == checkpoint.PREVIOUS:
                done.append(target)
            if len(done) == number:
                raise Crash

        plain = os.replace
        monkeypatch.setattr(checkpoint.os, "replace", replace)

    return install


@pytest.mark.parametrize(
    ("install", "resumed"),
    [
        pytest.param(crash_in_the_middle_of_epoch_2, 2, id="middle of an epoch"),
        pytest.param(crash_at_rename(1), 2, id="between the checkpoint's renames"),
        pytest.param(crash_at_rename(2), 3, id="before the epoch's model is written"),
        pytest.param(crash_at_rename(3), 3, id="before the links to it are made"),
    ],
)
def test_a_crash_does_not_change_the_model(
    install: Callable[[pytest.MonkeyPatch], None],
    resumed: int,
    straight: Path,
    train: Train,
    tmp_path: Path,
    epochs: list[int],
) -> None:
    with pytest.MonkeyPatch.context() as crashing:
        install(crashing)
        with pytest.raises(Crash):
            train()
    assert not (tmp_path / "out" / "model.safetensors").exists()
    epochs.clear()
    assert_same_results(train(), straight)
    assert epochs[0] == resumed


def test_a_truncated_checkpoint_costs_only_one_epoch(straight: Path, train: Train, epochs: list[int]) -> None:
    out = train(max_epoch=2)
    content = (out / checkpoint.CHECKPOINT).read_bytes()
    (out / checkpoint.CHECKPOINT).write_bytes(content[: len(content) // 2])
    epochs.clear()
    assert_same_results(train(), straight)
    assert epochs == [2, 3]


def test_a_longer_training_continues_the_shorter_one(straight: Path, train: Train, epochs: list[int]) -> None:
    assert (train(max_epoch=2) / "model.safetensors").exists()
    epochs.clear()
    assert_same_results(train(), straight)
    assert epochs == [3]


def test_training_again_after_the_end_changes_nothing(straight: Path, train: Train) -> None:
    before = {name: (straight / name).read_bytes() for name in RESULTS}
    train(straight)
    assert {name: (straight / name).read_bytes() for name in RESULTS} == before


def assert_same_results(found: Path, expected: Path) -> None:
    for name in RESULTS:
        assert (found / name).read_bytes() == (expected / name).read_bytes(), name
    assert sorted(path.name for path in found.glob("*.pth")) == sorted(path.name for path in expected.glob("*.pth"))
    assert not list(found.glob("*.tmp"))


def test_the_model_is_that_of_the_best_epoch(straight: Path) -> None:
    curves = pd.read_csv(straight / "curves.tsv", sep="\t")
    losses = curves[(curves["split"] == "valid") & (curves["key"] == "loss")].set_index("epoch")["value"]
    assert list(losses.index) == [1, 2, 3]
    best = torch.load(straight / "valid.loss.best.pth", weights_only=True)
    assert os.readlink(straight / "valid.loss.best.pth") == f"{losses.idxmin()}epoch.pth"
    model = load_model(straight)
    assert all(torch.equal(tensor, best[name]) for name, tensor in model.state_dict().items())
    assert json.loads((straight / "layer_weights.json").read_text()) == model.layer_weights()


def test_heads_and_trainable_blocks_learn_and_the_frozen_block_does_not_change(straight: Path, work: Path) -> None:
    before = load_file(work / "encoder" / "model.safetensors")
    after = load_file(straight / "model.safetensors")
    for name, tensor in before.items():
        frozen = name.startswith(("conv", "embed_positions"))
        assert torch.equal(tensor, after[f"encoder.encoder.{name}"]) == frozen, name
    assert (after["heads.sem.layer_mix.logits"] != 0).any()


def test_each_trainable_parameter_has_one_optimizer(straight: Path) -> None:
    model = ESPnetUttModel(load_model(straight).encoder, read_attributes(straight))
    freeze_blocks(model.encoder, 1)
    args = argparse.Namespace(optim="adamw", optim_conf={}, optim2="sgd", optim2_conf={"lr": 0.1})
    of_heads, of_encoder = UttTask.build_optimizers(args, model)
    assert parameters_of(of_heads) == set(model.heads.parameters())
    assert parameters_of(of_encoder) == {p for p in model.encoder.parameters() if p.requires_grad}
    freeze_blocks(model.encoder, -1)
    assert [parameters_of(optimizer) for optimizer in UttTask.build_optimizers(args, model)] == [
        set(model.heads.parameters())
    ]


def parameters_of(optimizer: torch.optim.Optimizer) -> set[torch.nn.Parameter]:
    return {parameter for group in optimizer.param_groups for parameter in group["params"]}


def test_the_curves_contain_the_statistics_of_both_splits(straight: Path) -> None:
    curves = pd.read_csv(straight / "curves.tsv", sep="\t")
    keys = {split: set(rows["key"]) for split, rows in curves.groupby("split")}
    losses = {"loss", "loss_sem", "loss_spk", "cos_sem", "cos_spk"}
    assert losses <= keys["valid"]
    assert losses | {"gradnorm_sem", "gradnorm_spk", "gradcos_sem_spk"} <= keys["train"]
    assert np.isfinite(curves["value"]).all()


def test_a_second_phase_starts_from_the_model_of_the_first(straight: Path, train: Train, tmp_path: Path) -> None:
    still = {"optim_conf": {"lr": 0.0, "weight_decay": 0.0}, "optim2_conf": {"lr": 0.0}, "max_epoch": 1}
    out = train(tmp_path / "out", "--init_model", str(straight), **still)
    assert (out / "model.safetensors").read_bytes() == (straight / "model.safetensors").read_bytes()


def test_training_on_whitened_frames_gives_a_plain_model_for_a_further_phase(train: Train, tmp_path: Path) -> None:
    words, whitened = ("--attribute_names", "spk"), {"model_conf": {"whiten_layers": True}, "max_epoch": 1}
    first = load_file(train(tmp_path / "first", *words, **whitened) / "model.safetensors")
    plain = load_file(train(tmp_path / "plain", *words, max_epoch=1) / "model.safetensors")
    assert {name: tensor.shape for name, tensor in first.items()} == {name: t.shape for name, t in plain.items()}
    assert not torch.allclose(first["heads.spk.layer_mix.weight"], plain["heads.spk.layer_mix.weight"], atol=0.01)
    still = {"optim_conf": {"lr": 0.0, "weight_decay": 0.0}, "optim2_conf": {"lr": 0.0}}
    out = train(tmp_path / "second", *words, "--init_model", str(tmp_path / "first"), **whitened, **still)
    for name, tensor in load_file(out / "model.safetensors").items():
        torch.testing.assert_close(tensor, first[name], atol=1e-5, rtol=1e-4)


def test_whitened_frames_are_normalized(train: Train) -> None:
    with pytest.raises(UserError, match="whiten_layers needs normalize_layers: true in the head of sem"):
        train(model_conf={"whiten_layers": True})


def test_cached_layers_train_the_heads_like_speech(work: Path, train: Train, tmp_path: Path) -> None:
    frozen = {"encoder_conf": {"freeze_blocks": -1, "frame_average": 2}, "max_epoch": 1}
    encoder = load_encoder(work / "encoder", frame_average=2).eval()
    for name in ("train", "dev"):
        list(LayerCache(work / name, work / "encoder", 2, "float32").fill(encoder, None))
    of_speech = load_file(train(tmp_path / "speech", **frozen) / "model.safetensors")
    of_layers = load_file(train(tmp_path / "layers", "--input", "layers", **frozen) / "model.safetensors")
    for name, tensor in of_speech.items():
        # The cache is in half precision.
        torch.testing.assert_close(tensor, of_layers[name], atol=5e-3, rtol=5e-3)


@pytest.fixture
def cached_hidden(work: Path, tmp_path: Path) -> Iterator[None]:
    """Dumps with the cached output of the pretrained encoder's first block."""
    encoder = load_encoder(work / "encoder", frame_average=2).eval()
    for name in ("train", "dev"):
        list(LayerCache(work / name, work / "encoder", 2, "float32", num_frozen_blocks=1).fill(encoder, None))
    yield
    for name in ("train", "dev"):
        shutil.rmtree(work / name / "layers")


@pytest.mark.usefixtures("cached_hidden")
def test_cached_outputs_of_frozen_blocks_train_the_upper_blocks_like_speech(
    work: Path, train: Train, tmp_path: Path
) -> None:
    of_speech = load_file(train(tmp_path / "speech", max_epoch=1) / "model.safetensors")
    of_cache = load_file(train(tmp_path / "cached", "--input", "layers", max_epoch=1) / "model.safetensors")
    pretrained = load_file(work / "encoder" / "model.safetensors")
    assert not torch.equal(of_speech["encoder.encoder.layers.1.fc1.weight"], pretrained["layers.1.fc1.weight"])
    for name, tensor in of_speech.items():
        # The cache is in half precision.
        torch.testing.assert_close(tensor, of_cache[name], atol=5e-3, rtol=5e-3)


@pytest.mark.usefixtures("cached_hidden")
def test_cached_outputs_of_blocks_that_a_model_has_trained_are_refused(
    straight: Path, train: Train, tmp_path: Path
) -> None:
    tuned = train(tmp_path / "tuned", encoder_conf={"freeze_blocks": 0, "frame_average": 2}, max_epoch=1)
    with pytest.raises(UserError, match=f"{tuned}: the blocks that freeze_blocks 1 freezes are not those of"):
        train(tmp_path / "out", "--input", "layers", "--init_model", str(tuned))
    train(tmp_path / "out", "--input", "layers", "--init_model", str(straight), max_epoch=1)


@pytest.mark.parametrize(("native", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_a_training_keeps_its_precision_on_another_machine(
    train: Train,
    fake_bfloat16: Callable[[bool], None],
    capsys: pytest.CaptureFixture[str],
    native: bool,
    precision: str,
) -> None:
    auto = {"model_conf": {"autocast": "auto"}}
    fake_bfloat16(native)
    out = train(max_epoch=1, **auto)
    assert "  warning: " not in capsys.readouterr().out
    fake_bfloat16(not native)
    train(max_epoch=2, **auto)
    printed = capsys.readouterr().out
    assert f"  precision: {precision} (kept, {out} was started with it)\n  warning: " in printed
    assert yaml.safe_load((out / "config.yaml").read_text())["model_conf"]["autocast"] == precision


def test_an_unknown_precision_is_an_error(train: Train) -> None:
    with pytest.raises(UserError, match="autocast: unknown 'fp16'; legal: auto, float32, bfloat16"):
        train(model_conf={"autocast": "fp16"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"encoder_conf": {"freeze_block": 1}},
            r"encoder_conf: unknown key 'freeze_block' \(did you mean freeze_blocks",
        ),
        ({"model_conf": {"autocas": "float32"}}, r"model_conf: unknown key 'autocas' \(did you mean autocast"),
        ({"sampler_conf": {"alhpa": 1.0}}, r"sampler_conf: unknown key 'alhpa' \(did you mean alpha"),
        ({"sampler_conf": {"alpha": "a"}}, "train.yaml: sampler_conf: alpha must be a valid number, found 'a'"),
        ({"encoder_conf": {"freeze_blocks": "all"}}, "train.yaml: encoder_conf: freeze_blocks must be a valid integer"),
        ({"optim": "adamww"}, "train.yaml: optim: unknown 'adamww' .did you mean adamw.*; legal: adam, adamw"),
        ({"optim2_conf": {"lrr": 1}}, r"train.yaml: optim2_conf: unknown key 'lrr' \(did you mean lr\?"),
        ({"scheduler_conf": {"warmup": 5}}, r"scheduler_conf: unknown key 'warmup' \(did you mean warmup_steps"),
        ({"num_iters_per_epoch": None}, "num_iters_per_epoch must be a valid integer, found None"),
        ({"num_iters_per_epoch": 0}, "num_iters_per_epoch must be greater than 0, found 0"),
        ({"accum_grad": 3}, "num_iters_per_epoch 4 must be a multiple of accum_grad 3"),
        ({"batch_bins": 100}, "samples, more than a batch of 100"),
        ({"final_model": "valid.acc.best", "max_epoch": 1}, "final_model: unknown 'valid.acc.best' .*; legal: "),
    ],
)
def test_an_invalid_config_gives_one_error_line(train: Train, changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        train(**changes)


def test_the_error_names_an_undeclared_attribute(train: Train, work: Path, tmp_path: Path) -> None:
    for name in ("train", "dev"):
        for suffix in ("scp", "json"):
            other = work / name / f"target_lang.{suffix}"
            other.write_bytes((work / name / f"target_spk.{suffix}").read_bytes())
    with pytest.raises(UserError, match="attributes.yaml: no attribute 'lang'; declared: sem, spk"):
        train(tmp_path / "out", "lang")
