"""A configuration is checked with the classes that it configures, before data exists."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from espnet_ext.config.attributes import load_attributes
from espnet_ext.tasks.check import check_recipe, parse_config
from espnet_ext.utils.errors import UserError
from helpers.training_run import CONFIG

Check = Callable[..., None]
LANG = {"target": {"labels": "utt2lang"}, "head": {"hidden_dim": 8, "dim": 4}, "objective": {"name": "softmax"}}


@pytest.fixture
def check(tmp_path: Path, attributes_block: dict) -> Check:
    """Check CONFIG with changes, for `sem+spk` and `lang`, optionally with a changed attribute."""

    def run(changes: dict | None = None, words: str = "", lang: dict | None = None) -> None:
        attributes, config = tmp_path / "a.yaml", tmp_path / "train.yaml"
        block = attributes_block | {"lang": LANG | (lang or {})}
        attributes.write_text(yaml.safe_dump({"attributes": block}, sort_keys=False))
        config.write_text(yaml.safe_dump(CONFIG | (changes or {})))
        options = [*words.split(), "--encoder", "x"]
        check_recipe(load_attributes(attributes), attributes, [["sem", "spk"], ["lang"]], [config], options)

    return run


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"best_model_criterion": [["valid", "loss", "min"]], "final_model": "latest"},
        {"valid_batch_bins": None, "grad_clip": 5, "optim_conf": {"lr": 1e-3, "betas": [0.9, 0.98]}},
        {
            "model_conf": {"autocast": "auto"},
            "scheduler": "onecyclelr",
            "scheduler_conf": {"max_lr": [0.1]},
        },
    ],
)
def test_valid_configs_pass(check: Check, changes: dict) -> None:
    check(changes, "--optim_conf lr=1e-3")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"best_model_criterion": [["valid", "lossy", "min"]]},
            "best_model_criterion: unknown 'lossy' .did you mean loss.*; legal: cos_",
        ),
        ({"best_model_criterion": [["valid", "loss"]]}, r"best_model_criterion\[0\]: too few items"),
        ({"best_model_criterion": []}, "best_model_criterion must have at least 1 item"),
        (
            {"early_stopping_criterion": ["dev", "loss", "min"]},
            r"criterion\[0\]: must be 'train' or 'valid', found 'dev'",
        ),
        ({"val_scheduler_criterion": ["valid", "los"]}, "val_scheduler_criterion: unknown 'los' .did you mean loss"),
        (
            {"final_model": "valid.acc.best"},
            "final_model: unknown 'valid.acc.best' .* valid.loss.best, .*latest",
        ),
        ({"keep_nbest_models": 0}, r"keep_nbest_models\[0\]: must be greater than 0, found 0"),
        ({"max_epoch": 0}, "max_epoch must be greater than 0, found 0"),
        ({"max_epoch": "five"}, "max_epoch: invalid int value: 'five'"),
        ({"max_epoch": 2.5}, "max_epoch must be a valid integer, found 2.5"),
        ({"num_iters_per_epoch": None}, "num_iters_per_epoch must be a valid integer, found None"),
        ({"accum_grad": 0}, "accum_grad must be greater than 0"),
        ({"batch_bins": 0}, "batch_bins must be greater than 0"),
        ({"num_workers": -1}, "num_workers must be greater than or equal to 0"),
        ({"grad_clip": -5.0}, "grad_clip must be greater than 0, found -5.0"),
        ({"max_epochs": 3}, "max_epochs .from .*train.yaml"),
        ({"optim": "adamx"}, "optim: unknown 'adamx' .did you mean adamax.*; legal: adam, "),
        ({"optim": ["adam"]}, "optim: unknown"),
        ({"optim_conf": {"lr": "fast"}}, "optim_conf: lr must be a valid number, found 'fast'"),
        ({"optim_conf": {"lr": -1}}, "optim_conf: lr must be greater than or equal to 0, found -1"),
        ({"optim_conf": {"lr": float("nan")}}, "optim_conf: lr must be a finite number, found nan"),
        ({"optim_conf": {"weight_decay": -0.1}}, "optim_conf: weight_decay must be greater than or equal to 0"),
        ({"optim_conf": {"betas": [0.9, 2]}}, "optim_conf: .*beta"),
        ({"optim_conf": {"lrr": 1}}, "optim_conf: unknown key 'lrr' .did you mean lr"),
        ({"optim_conf": None}, "optim_conf: expected keys"),
        ({"scheduler_conf": {"warmup_steps": 0}}, "scheduler_conf: warmup_steps.0.: must be greater than 0"),
        (
            {"scheduler": "onecyclelr", "scheduler_conf": {"max_lr": 1.0, "total_steps": 0}},
            "total_steps.0.: must be greater than 0",
        ),
        ({"scheduler": "onecyclelr", "scheduler_conf": {"total_steps": 5}}, "scheduler_conf: leave out total_steps: "),
        ({"scheduler": "onecyclelr", "scheduler_conf": {}}, "scheduler_conf: .*max_lr"),
        ({"scheduler": None, "scheduler_conf": {"a": 1}}, "scheduler_conf: unknown key 'a'; legal keys: none"),
        ({"encoder_conf": {"freeze_blocks": -2}}, "encoder_conf: freeze_blocks must be greater than or equal to -1"),
        (
            {"sampler_conf": {"corpus_weights": {"a": -1}}},
            "sampler_conf.corpus_weights: a must be greater than or equal to 0, found -1",
        ),
        (
            {"sampler_conf": {"language_weights": {"eng": "high"}}},
            "language_weights: eng must be a valid number",
        ),
        ({"model_conf": {"task_weighting": "x"}}, "task_weighting 'x' is unknown; legal: fixed"),
        ({"model_conf": {"autocast": "half"}}, "autocast: unknown 'half'"),
        ({"model_conf": {"whiten_layers": True}}, "whiten_layers needs normalize_layers: true in the head of sem"),
    ],
)
def test_the_error_of_a_wrong_value_names_its_config(check: Check, changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=f"train.yaml: .*{message}") as caught:
        check(changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--max_epoch 0", "max_epoch must be greater than 0"),
        ("--optim_conf lr=-1e-3", "lr must be greater than or equal to 0, found -0.001"),
        ("--optim_conf {a:[", "optim_conf {a:"),
        ("--max_epochs 1", "unrecognized arguments: --max_epochs"),
    ],
)
def test_options_of_the_command_line_are_checked(check: Check, words: str, message: str) -> None:
    with pytest.raises(UserError, match=f"train.yaml: .*{message}"):
        check(words=words)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"objective": {"name": "softmx"}}, "objective 'softmx' is unknown; legal: aam_softmax"),
        (
            {"objective": {"name": "cosine"}},
            "objective cosine is not for labels of kind class; legal: aam_softmax, softmax",
        ),
        ({"objective": {"name": "aam_softmax", "margn": 1}}, "aam_softmax: unknown key 'margn' .did you mean margin"),
        (
            {"objective": {"name": "aam_softmax", "scale": "30"}},
            "scale must be a valid number, found '30'",
        ),
        ({"objective": {"name": "aam_softmax", "margin": 3.0}}, "aam_softmax: needs 0 <= margin < pi/2"),
        ({"head": {"hidden_dim": 8, "dim": 4, "pooling": "max"}}, "head: pooling 'max' is unknown; legal: attention"),
        (
            {"head": {"hidden_dim": 8, "dim": 4, "pooling_options": {"a": 1}}},
            "head: pooling attention: unknown key 'a'",
        ),
    ],
)
def test_the_error_of_a_wrong_head_or_objective_names_its_attribute(check: Check, part: dict, message: str) -> None:
    with pytest.raises(UserError, match=f"a.yaml: lang: .*{message}"):
        check(lang=part)


def test_every_number_with_an_exponent_is_a_number(tmp_path: Path) -> None:
    (tmp_path / "train.yaml").write_text("grad_clip: 1e1\noptim_conf: {lr: 1e-3, eps: 1E-8}\n")
    args = parse_config(tmp_path / "train.yaml", ["--optim2_conf", "lr=2e-3", "--scheduler_conf", "{max_lr: 3e-3}"])
    assert (args.grad_clip, args.optim_conf) == (10.0, {"lr": 0.001, "eps": 1e-8})
    assert (args.optim2_conf, args.scheduler_conf) == ({"lr": 0.002}, {"max_lr": 0.003})


@pytest.mark.parametrize("package", ["tensorboard", "wandb"])
def test_a_logger_that_is_not_installed_is_reported(
    check: Check, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setattr("espnet_ext.tasks.check.find_spec", lambda name: None)
    check()
    with pytest.raises(UserError, match=f"train.yaml: use_{package} requires the package {package}, which is not inst"):
        check(words=f"--use_{package} true")
