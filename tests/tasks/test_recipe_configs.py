"""The training configs of all recipes are legal, and their schedules end with the training."""

from pathlib import Path

import pytest

from espnet_ext.tasks.utt import UttTask

RECIPES = Path(__file__).resolve().parents[2] / "egs"
CONFIGS = sorted(RECIPES.glob("*/conf/train*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=[f"{path.parts[-3]}/{path.name}" for path in CONFIGS])
def test_a_config_is_legal(path: Path, tmp_path: Path) -> None:
    args = UttTask.get_parser().parse_args(["--config", str(path), "--output_dir", str(tmp_path)])
    UttTask.check_required_command_args(args)
    assert args.num_iters_per_epoch % args.accum_grad == 0
    # The length of a schedule follows from that of the training.
    assert "total_steps" not in path.read_text()


def test_the_paper_is_as_published() -> None:
    args = UttTask.get_parser().parse_args(["--config", str(RECIPES / "fleurs_voxceleb/conf/train_paper.yaml")])
    assert (args.optim, args.optim_conf) == ("adadelta", {"lr": 1.5, "rho": 0.95, "eps": 1e-8})
    assert (args.optim2, args.optim2_conf) == ("adam", {"lr": 1e-5})
    assert (args.scheduler, args.scheduler_conf) == ("newbob", {"threshold": 0.0025, "factor": 0.5, "patience": 2})
    assert (args.scheduler2, args.scheduler2_conf["factor"]) == ("newbob", 0.9)
    assert args.sampler_conf["alpha"] == 0.05
    assert args.max_epoch * args.num_iters_per_epoch == 350_000
