"""Content of the plots, and the command that writes them and prints the main table."""

import json
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread
from scipy.spatial import cKDTree
from scipy.stats import norm

from espnet_ext.bin import report
from espnet_ext.report.line_plots import (
    PIXEL,
    det_points,
    plot_curves,
    plot_det,
    plot_layer_weights,
    read_curves,
    read_layer_weights,
)
from espnet_ext.scoring.roc import sort_trials
from espnet_ext.utils.errors import UserError

World = Any  # of conftest.py
CURVES = """phase epoch split key value
heads 1 train loss 2.0
heads 2 train loss 1.0
joint 1 train loss 0.5
""".replace(" ", "\t")


def test_a_det_curve_of_gaussian_scores_is_a_straight_line() -> None:
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(2, 1, 50_000), rng.normal(0, 1, 50_000)])
    (axes,) = plot_det({"a": (scores, np.arange(100_000) < 50_000)}, "t").axes
    line = max(axes.get_lines(), key=lambda line: len(line.get_xdata()))
    x, y = line.get_xdata(), line.get_ydata()
    middle = (x > norm.ppf(0.02)) & (x < norm.ppf(0.6))
    np.testing.assert_allclose(x[middle] + y[middle], -2.0, atol=0.06)


def test_a_thinned_det_curve_stays_within_a_pixel_of_every_corner() -> None:
    rng = np.random.default_rng(1)
    scores = np.concatenate([rng.normal(1, 1, 100_000), rng.normal(0, 1, 100_000)])
    roc = sort_trials(scores, np.arange(200_000) < 100_000).plain_roc()
    kept = np.stack(det_points(roc), axis=1)
    assert len(kept) < 5000 < len(roc.corner_hits)
    corners = norm.ppf(np.clip(np.stack([roc.alarm_rates(), roc.miss_rates()], axis=1), 1e-6, 1 - 1e-6))
    distances, _ = cKDTree(kept).query(corners, p=np.inf)
    assert distances.max() <= PIXEL


def test_layer_weights_draw_a_line_for_each_attribute() -> None:
    (axes,) = plot_layer_weights({"sem": [0.2, 0.8], "spk": [0.7, 0.3]}).axes
    lines = {line.get_label(): list(line.get_ydata()) for line in axes.get_lines()}
    assert lines["sem"] == [0.2, 0.8] and lines["spk"] == [0.7, 0.3]


def test_phases_follow_each_other_on_one_axis(tmp_path: Any) -> None:
    (tmp_path / "curves.tsv").write_text(CURVES)
    axes = plot_curves(read_curves([tmp_path / "curves.tsv"])).axes[0]
    drawn = [line.get_xdata().tolist() for line in axes.get_lines() if line.get_marker() == "o"]
    assert drawn == [[1, 2], [3]]


def test_a_statistic_without_a_value_is_a_gap_in_its_curve(tmp_path: Any) -> None:
    (tmp_path / "curves.tsv").write_text(CURVES + "joint\t2\ttrain\tloss\tnan\njoint\t3\ttrain\tloss\t\n")
    assert read_curves([tmp_path / "curves.tsv"])["value"].isna().tolist() == [False] * 3 + [True] * 2


def test_curves_in_another_format_are_refused(tmp_path: Any) -> None:
    (tmp_path / "curves.tsv").write_text("a\tb\n1\t2\n")
    with pytest.raises(UserError, match="curves.tsv: cannot be read as training curves .*'phase'"):
        read_curves([tmp_path / "curves.tsv"])


@pytest.mark.parametrize("content", ["[1, 2]", "{}", '{"sem": []}', '{"sem": ["x"]}', "{"])
def test_layer_weights_in_another_format_are_refused(tmp_path: Any, content: str) -> None:
    (tmp_path / "weights.json").write_text(content)
    with pytest.raises(UserError, match="weights.json"):
        read_layer_weights(tmp_path / "weights.json")


def test_the_command_writes_tables_and_plots(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = world.score()
    (world.root / "curves.tsv").write_text(CURVES)
    (world.root / "weights.json").write_text(json.dumps({"sem": [0.5, 0.5], "spk": [0.9, 0.1]}))
    plots = world.root / "plots"
    words = f"report --results {results} --out_dir {plots} --markdown {world.root}/RESULTS.md --title T"
    words += f" --curves {world.root}/curves.tsv --layer_weights {world.root}/weights.json"
    monkeypatch.setattr("sys.argv", words.split())
    capsys.readouterr()
    report.main()
    printed = capsys.readouterr().out
    assert "| joint " in printed and "speech-to-text R@1" in printed
    names = {"det_spk_test_spk_unseen", "pairs_sem_test_sent", "layer_weights", "training_curves"}
    assert {path.name for path in plots.iterdir()} == {f"{name}.png" for name in names}
    for path in plots.iterdir():
        assert str(path) in printed
        # Something is drawn: more than the white background and one color of ink.
        assert len(np.unique(imread(path)[..., :3].reshape(-1, 3), axis=0)) > 10
    assert (world.root / "RESULTS.md").read_text().startswith("# T\n\n## Main results\n")
    monkeypatch.setattr("sys.argv", [*words.split(), "--summary", f"{world.root}/summary.txt"])
    report.main()
    assert capsys.readouterr().out == ""
    assert (world.root / "summary.txt").read_text() == printed


def test_the_error_names_a_missing_scores_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    results = world.score()
    (results.parent / "scores/joint/spk/test_spk/unseen.tsv").unlink()
    words = f"report --results {results} --out_dir {world.root} --markdown {world.root}/RESULTS.md"
    monkeypatch.setattr("sys.argv", words.split())
    with pytest.raises(UserError, match="joint/spk/test_spk/unseen.tsv"):
        report.main()
    assert not (world.root / "RESULTS.md").exists()
