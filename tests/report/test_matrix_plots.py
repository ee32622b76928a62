"""Plots of directions: a heat map of language pairs, or one row per language if there are many pairs."""

import numpy as np
import pandas as pd
import pytest

from espnet_ext.report.matrix_plots import pair_figures, plot_languages, plot_pairs
from espnet_ext.report.retrieval_tables import single_directions


def frame(values: dict[str, float], system: str = "s") -> pd.DataFrame:
    """Rows of results.tsv: direction -> R@1."""
    rows = [(system, "sem", "retrieval", f"one:{pair}", "x", "R@1", value) for pair, value in values.items()]
    return pd.DataFrame(rows, columns=["system", "attribute", "task", "protocol", "set", "metric", "value"])


def marks(axes: object) -> dict[str, dict[str, float]]:
    """System -> language -> value, as drawn."""
    names = [label.get_text() for label in axes.get_yticklabels()]
    return {
        line.get_label().split()[0]: dict(zip(names, np.asarray(line.get_xdata()).tolist(), strict=True))
        for line in axes.get_lines()
    }


def test_the_heat_map_has_each_pair_in_its_cell() -> None:
    image = plot_pairs(single_directions(frame({"eng-fra": 10.0, "fra-eng": 20.0})), "t").axes[0].images[0].get_array()
    assert image[0, 1] == 10.0 and image[1, 0] == 20.0
    assert image.mask.diagonal().all()


def test_each_language_of_the_queries_has_a_row() -> None:
    rows = pd.concat([frame({"fra-eng": 30.0, "spa-eng": 20.0}, "a"), frame({"fra-eng": 5.0, "spa-eng": 9.0}, "b")])
    (axes,) = plot_languages(single_directions(rows), "t").axes
    assert marks(axes) == {"a": {"fra": 30.0, "spa": 20.0}, "b": {"fra": 5.0, "spa": 9.0}}
    # Sorted by the last system.
    assert [label.get_text() for label in axes.get_yticklabels()] == ["fra", "spa"]
    assert axes.get_xlabel() == "R@1 (%), candidates: eng"


def test_queries_in_one_language_have_a_row_for_each_language_of_the_candidates() -> None:
    (axes,) = plot_languages(single_directions(frame({"eng-fra": 30.0, "eng-spa": 20.0})), "t").axes
    assert marks(axes) == {"s": {"spa": 20.0, "fra": 30.0}}
    assert axes.get_ylabel() == "candidates"


def test_many_pairs_are_drawn_as_means_of_the_query_language() -> None:
    languages = [f"l{i:02d}" for i in range(20)]
    values = {f"{a}-{b}": float(i) for i, a in enumerate(languages) for b in languages if a != b}
    ((name, figure),) = pair_figures(frame(values))
    assert name == "pairs_sem_x.png"
    assert marks(figure.axes[0])["s"] == pytest.approx({language: i for i, language in enumerate(languages)})
    assert figure.axes[0].get_xlabel() == "R@1 (%), candidates: mean of 20 languages"


def test_a_single_direction_has_no_figure() -> None:
    assert pair_figures(frame({"fra-eng": 30.0, "mean:fra-eng": 30.0})) == []
