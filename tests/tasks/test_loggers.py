"""ESPnet's switches for TensorBoard and Weights & Biases, with recorders instead of their packages."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from espnet2.tasks import abs_task

from espnet_ext.tasks import check
from helpers.training_run import Train

METRICS = {"loss", "loss_sem", "loss_spk", "cos_sem", "cos_spk", "gradnorm_sem", "gradnorm_spk"}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the check of the configuration find the packages."""
    monkeypatch.setattr(check, "find_spec", lambda package: package)


@pytest.mark.usefixtures("installed")
def test_tensorboard_gets_every_metric_of_every_epoch(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scalars: dict[str, dict[str, list[float]]] = {}

    class SummaryWriter:
        def __init__(self, folder: str) -> None:
            self.scalars = scalars.setdefault(str(Path(folder).relative_to(tmp_path)), {})

        def add_scalar(self, name: str, value: float, step: int) -> None:
            self.scalars.setdefault(name, []).append(value)

        def close(self) -> None:
            pass

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=SummaryWriter))
    out = train(tmp_path / "out", "--use_tensorboard", "true")
    assert set(scalars) == {"out/tensorboard/train", "out/tensorboard/valid"}
    assert set(scalars["out/tensorboard/train"]) >= METRICS
    curves = pd.read_csv(out / "curves.tsv", sep="\t")
    losses = curves[(curves.split == "valid") & (curves.key == "loss")].value
    assert scalars["out/tensorboard/valid"]["loss"] == pytest.approx(list(losses))


@pytest.mark.usefixtures("installed")
def test_wandb_gets_every_metric_and_the_options(train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[dict[str, Any]] = []
    logged: list[Mapping[str, float]] = []
    options: dict[str, Any] = {}
    wandb = SimpleNamespace(
        run=True,
        login=lambda: None,
        init=lambda **given: started.append(given),
        config=SimpleNamespace(update=lambda args, **_: options.update(vars(args))),
        log=logged.append,
        finish=lambda: None,
    )
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    monkeypatch.setattr(abs_task, "wandb", wandb)
    train(tmp_path / "out", "--use_wandb", "true", "--wandb_project", "mine", "--wandb_name", "first")
    assert [(run["project"], run["name"]) for run in started] == [("mine", "first")]
    assert options["attribute_names"] == ["sem", "spk"]
    names = {name.rpartition("/")[2] for values in logged for name in values}
    assert names >= {f"train_{metric}_epoch" for metric in METRICS} | {"valid_loss_epoch", "valid_cos_sem_epoch"}


def test_no_logger_is_used_by_default(tmp_path: Path) -> None:
    config = tmp_path / "train.yaml"
    config.write_text("max_epoch: 1\n")
    args = check.parse_config(config, [])
    assert (args.use_tensorboard, args.use_wandb) == (False, False)
