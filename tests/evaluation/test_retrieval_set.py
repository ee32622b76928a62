"""Directions, translations and shared sentences: from files to rows."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from espnet_ext.evaluation.plan import Evaluation
from espnet_ext.evaluation.results import read_results
from espnet_ext.evaluation.retrieval_set import RetrievalSet
from espnet_ext.evaluation.systems import Vectors
from espnet_ext.kaldi.scp import write_scp
from espnet_ext.scoring.bootstrap import Bootstrap
from espnet_ext.scoring.protocols import EVERY, parse_pattern
from espnet_ext.utils.errors import UserError
from tests.evaluation.conftest import write_vectors

World = Any  # of conftest.py
OWN = Evaluation("sem", "retrieval", "retrieval")


class Embedded:
    """A system with embeddings from a dict."""

    name = "system"

    def __init__(self, vectors: dict[str, np.ndarray]) -> None:
        self.vectors = vectors

    def embeddings(self, part: str, attribute: str, utterances: list[str]) -> Vectors:
        return Vectors(utterances, np.stack([self.vectors[name] for name in utterances]).astype(np.float32))


def rows_of(folder: Path, vectors: dict[str, np.ndarray], *patterns: str) -> dict[tuple[str, str], float]:
    """(protocol, metric) -> value."""
    parsed = [parse_pattern(pattern) for pattern in patterns] or [EVERY]
    scored = RetrievalSet(folder, ["sem"], Bootstrap(5), parsed).score(Embedded(vectors), OWN)
    return {(row.protocol, row.metric): row.value for row in scored}


def test_translations_are_candidates_in_a_language_without_recordings(tmp_path: Path) -> None:
    """mTEDx it-en: Italian talks, their English text."""
    folder = tmp_path / "mtedx_test"
    names = [f"talk-{i}" for i in range(6)]
    write_scp(folder / "utt2sent", {name: name for name in names})
    write_scp(folder / "utt2lang", dict.fromkeys(names, "ita"))
    rng = np.random.default_rng(0)
    english = {name: rng.standard_normal(8) for name in names}
    write_vectors(folder, "target_sem.eng", english)
    spoken = {name: vector + 0.01 * rng.standard_normal(8) for name, vector in english.items()}
    spoken["talk-1"] = english["talk-2"]  # one miss
    values = rows_of(folder, spoken, "ita-eng")
    assert values["text:ita-eng", "R@1"] == values["text:mean:ita-eng", "R@1"] == pytest.approx(100 * 5 / 6)
    assert values["text:ita-eng", "candidates"] == 6
    assert ("text:ita", "R@1") not in values  # the Italian has no transcript
    write_vectors(folder, "target_sem", {name: -vector for name, vector in english.items()})
    values = rows_of(folder, spoken)
    assert values["text:ita-eng", "R@1"] == values["text:mean-cross", "R@1"] == pytest.approx(100 * 5 / 6)
    assert values["text:ita", "R@1"] == values["text:mean", "R@1"] == 0.0


def test_vectors_of_another_size_than_those_of_the_text_are_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An untrained encoder on one language has neither a text nor another language to compare with."""
    folder = tmp_path / "mtedx_test"
    names = ["talk-1", "talk-2"]
    write_scp(folder / "utt2sent", {name: name for name in names})
    write_scp(folder / "utt2lang", dict.fromkeys(names, "ita"))
    write_vectors(folder, "target_sem.eng", {name: np.ones(8) for name in names})
    assert rows_of(folder, {name: np.ones(5) for name in names}, "ita-eng") == {}
    assert "all recordings are in ita" in capsys.readouterr().out


def test_an_interpretation_shares_its_sentence_with_its_source(tmp_path: Path) -> None:
    """VoxPopuli speech to speech: each French segment and its English interpretation, one of them given twice."""
    folder = tmp_path / "voxpopuli_s2s"
    pairs = {f"fra-{i}": (f"seg{i}", "fra") for i in range(5)} | {f"eng-{i}": (f"seg{i}", "eng") for i in range(5)}
    pairs["eng-9"] = ("seg0", "eng")  # a second interpreter
    write_scp(folder / "utt2sent", {name: sentence for name, (sentence, _) in pairs.items()})
    write_scp(folder / "utt2lang", {name: language for name, (_, language) in pairs.items()})
    meaning = dict(zip([f"seg{i}" for i in range(5)], np.eye(5), strict=True))
    vectors = {name: meaning[sentence] for name, (sentence, _) in pairs.items()}
    vectors["eng-0"] = meaning["seg3"]  # the first interpreter is wrong, and ties with another segment
    values = rows_of(folder, vectors, "fra-eng")
    assert {protocol for protocol, _ in values} == {
        f"{protocol}{suffix}:{scope}"
        for protocol in ("all", "one") for suffix in ("", "-centred") for scope in ("fra-eng", "mean:fra-eng")
    }  # fmt: skip
    assert values["all:fra-eng", "candidates"] == 6
    # `all`: the second interpreter is correct for seg0; seg3 is a tie of a correct and a wrong candidate, a miss.
    assert values["all:fra-eng", "R@1"] == pytest.approx(80.0)
    # `one` has only the first interpreter: seg0 is also missed.
    assert values["one:fra-eng", "R@1"] == pytest.approx(60.0)
    assert values["one:fra-eng", "duplicates"] == 2


def test_the_error_of_an_unknown_language_lists_those_of_the_set(world: World) -> None:
    with pytest.raises(UserError, match=r"direction X-egn: no language egn here; there are eng, fra, spa"):
        world.score("--retrieval_pairs", "test_sent=X-egn")


def test_pairs_of_a_set_that_is_not_scored_are_an_error(world: World) -> None:
    with pytest.raises(UserError, match="other is not one of the retrieval sets"):
        world.score("--retrieval_pairs", "other=X-eng")


def test_only_given_pairs_are_rows_and_no_score_changes(world: World) -> None:
    every = read_results(world.score())
    selected = read_results(world.score("--retrieval_pairs", "test_sent=X-eng,fra-eng"))
    keys = ["system", "attribute", "task", "protocol", "set", "metric"]
    scopes = {protocol.split(":", 1)[1] for protocol in selected["protocol"] if ":" in protocol}
    own = {"eng", "fra", "spa", "mean"}
    assert scopes == own | {"fra-eng", "spa-eng", "mean:X-eng", "mean:fra-eng"}
    both = pd.merge(every, selected, on=keys, suffixes=("", "_selected"))
    assert len(both) == len(selected[~selected["protocol"].str.contains("mean:")])
    pd.testing.assert_series_equal(both["value"], both["value_selected"], check_names=False)
    pd.testing.assert_series_equal(both["low"], both["low_selected"], check_names=False)


def test_equal_texts_tie_whichever_batch_they_came_from(tmp_path: Path) -> None:
    """FLEURS: two ids with the same words; their vectors differ in the last bits and must still tie."""
    folder = tmp_path / "fleurs_test"
    names = [f"utt-{i}" for i in range(4)]
    write_scp(folder / "utt2sent", {name: f"s{i}" for i, name in enumerate(names)})
    write_scp(folder / "utt2lang", dict.fromkeys(names, "lin"))
    write_scp(folder / "text", {name: "same words" if i < 2 else f"words {i}" for i, name in enumerate(names)})
    vectors = dict(zip(names, np.eye(4), strict=True))
    vectors["utt-1"] = vectors["utt-0"] + 1e-6
    write_vectors(folder, "target_sem", vectors)
    values = rows_of(folder, vectors)
    assert values["text:lin", "R@1"] == 50.0
    assert values["text:lin", "duplicates"] == 2
    assert values["text-centred:lin", "duplicates"] == 2
