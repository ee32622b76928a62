"""The configs of all recipes are valid, and their schedules end with the training."""

from pathlib import Path

import pytest

from espnet_ext.config.attributes import load_attributes
from espnet_ext.tasks.check import check_recipe, parse_config

RECIPES = Path(__file__).resolve().parents[2] / "egs"
CONFIGS = sorted(RECIPES.glob("*/conf/train*.yaml"))
ATTRIBUTES = sorted(RECIPES.glob("*/conf/attributes*.yaml"))
IDS = {"ids": lambda path: f"{path.parts[-3]}/{path.name}"}


@pytest.mark.parametrize("path", CONFIGS, **IDS)
def test_a_schedule_ends_with_the_training(path: Path) -> None:
    args = parse_config(path, [])
    assert args.num_iters_per_epoch % args.accum_grad == 0
    # The length of a schedule follows from that of the training.
    assert "total_steps" not in path.read_text()


@pytest.mark.parametrize("path", ATTRIBUTES, **IDS)
def test_every_config_is_valid_with_the_attributes_of_its_recipe(path: Path) -> None:
    attributes = load_attributes(path)
    configs = [config for config in CONFIGS if config.parent == path.parent]
    check_recipe(attributes, path, [list(attributes), list(attributes)[:1]], configs, ["--encoder", "x"])


def test_the_paper_configs_have_the_published_values() -> None:
    args = parse_config(RECIPES / "fleurs_voxceleb/conf/train_paper.yaml", [])
    assert (args.optim, args.optim_conf) == ("adadelta", {"lr": 1.5, "rho": 0.95, "eps": 1e-8})
    assert (args.optim2, args.optim2_conf) == ("adam", {"lr": 1e-5})
    assert (args.scheduler, args.scheduler_conf) == ("newbob", {"threshold": 0.0025, "factor": 0.5, "patience": 2})
    assert (args.scheduler2, args.scheduler2_conf["factor"]) == ("newbob", 0.9)
    assert args.sampler_conf["alpha"] == 0.05
    assert args.max_epoch * args.num_iters_per_epoch == 350_000
