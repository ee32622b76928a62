"""A shortened training has a fraction of the steps."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from espnet_ext.bin import shorten_training
from espnet_ext.bin.shorten_training import shorten
from espnet_ext.utils.errors import UserError

CONFIGS = sorted((Path(__file__).resolve().parents[2] / "egs").glob("*/conf/train*.yaml"))


def config(epochs: int, batches: int, **changes: Any) -> dict[str, Any]:
    return {"max_epoch": epochs, "num_iters_per_epoch": batches, "batch_bins": 960_000} | changes


@pytest.mark.parametrize(
    ("options", "epochs", "batches"),
    [
        (config(20, 100), 2, 100),
        (config(15, 100), 2, 75),
        (config(5, 56), 1, 28),
        (config(1, 1), 1, 1),
        (config(2, 60), 1, 12),
        (config(10, 64, accum_grad=8), 1, 64),
        (config(1, 64, accum_grad=8), 1, 8),
    ],
)
def test_a_tenth_of_the_training_has_a_tenth_of_the_batches(options: dict[str, Any], epochs: int, batches: int) -> None:
    shortened = shorten(options, 0.1)
    assert (shortened["max_epoch"], shortened["num_iters_per_epoch"]) == (epochs, batches)
    assert shortened["batch_bins"] == 960_000


def test_a_warm_up_is_shortened_with_the_training() -> None:
    warm_up = {"warmup_steps": 25}
    options = config(10, 40, scheduler_conf={"max_lr": 0.002}, scheduler2_conf=warm_up)
    shortened = shorten(options, 0.1)
    assert shortened["scheduler_conf"] == {"max_lr": 0.002}
    assert shortened["scheduler2_conf"] == {"warmup_steps": 2}
    assert warm_up["warmup_steps"] == 25


@pytest.mark.parametrize("path", CONFIGS, ids=[f"{path.parts[-3]}/{path.name}" for path in CONFIGS])
def test_every_recipe_can_be_shortened(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "new folder" / "short.yaml"
    words = ["--config", str(path), "--fraction", "0.1", "--out", str(out)]
    monkeypatch.setattr("sys.argv", ["shorten_training", *words])
    shorten_training.main()
    whole, short = yaml.safe_load(path.read_text()), yaml.safe_load(out.read_text())
    steps = short["max_epoch"] * short["num_iters_per_epoch"]
    assert steps == pytest.approx(whole["max_epoch"] * whole["num_iters_per_epoch"] / 10, rel=0.1)
    assert short.keys() == whole.keys()


def test_the_error_names_a_training_without_a_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train.yaml").write_text("max_epoch: 3\n")
    words = ["--config", str(tmp_path / "train.yaml"), "--fraction", "0.1", "--out", str(tmp_path / "out.yaml")]
    monkeypatch.setattr("sys.argv", ["shorten_training", *words])
    with pytest.raises(UserError, match="train.yaml: num_iters_per_epoch must be a whole number of at least 1"):
        shorten_training.main()
    assert not (tmp_path / "out.yaml").exists()
