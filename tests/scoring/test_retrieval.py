"""Chance levels and scores of retrieval against loops; duplicates; intervals against explicit resampling."""

from itertools import permutations

import numpy as np
import pytest

from espnet_ext.scoring.bootstrap import Bootstrap
from espnet_ext.scoring.protocols import EmbeddingTable, parse_pattern, speech_searches, text_searches
from espnet_ext.scoring.ranks import RETRIEVAL_METRICS, Products, RetrievalMetric, rank_odds
from espnet_ext.scoring.retrieval import run_search, score_retrieval
from espnet_ext.scoring.rows import UnitRows

LANGUAGES = ("eng", "fra", "spa")
FEW = Bootstrap(5)


def make_items(recordings: int = 2, noise: float = 1.0, collapsed: bool = False) -> EmbeddingTable:
    """Eight sentences in three languages, each with some recordings; Spanish lacks one sentence."""
    rng = np.random.default_rng(0)
    meaning = rng.standard_normal((8, 6))
    keys = [
        (f"{lang}-r{take}-s{s}", f"s{s}", lang, s)
        for lang in LANGUAGES
        for take in range(recordings)
        for s in range(8)
        if not (lang == "spa" and s == 3)
    ]
    names, sentences, languages, rows = map(np.array, zip(*keys, strict=True))
    vectors = meaning[rows] + noise * rng.standard_normal((len(rows), 6))
    vectors = np.ones_like(vectors) if collapsed else vectors
    return EmbeddingTable(names, UnitRows.of(vectors, names), sentences, languages)


@pytest.mark.parametrize(("right", "candidates"), [(1, 1), (1, 4), (2, 6), (3, 7), (7, 7), (1, 8)])
def test_chance_is_the_mean_over_all_orders(right: int, candidates: int) -> None:
    kinds = [True] * right + [False] * (candidates - right)
    # By position of the correct candidates: every set of positions is equally likely.
    first = [order.index(True) + 1 for order in set(permutations(kinds))]
    expected = 100 * np.mean([(f <= 1, f <= 5, 1 / f) for f in first], axis=0)
    odds = rank_odds(right, candidates)
    chance = [RETRIEVAL_METRICS[name].chance(odds) for name in ("R@1", "R@5", "MRR")]
    np.testing.assert_allclose(chance, expected, atol=1e-10)


def naive_recall(items: EmbeddingTable, source: str, target: str, best_of: int) -> float:
    """Protocol `all`, R@`best_of`, with Python lists and no ties."""
    candidates = [i for i, lang in enumerate(items.languages) if lang == target]
    vectors = items.vectors.take(slice(None))
    hits = []
    for i, lang in enumerate(items.languages):
        if lang == source and items.sentences[i] in items.sentences[candidates]:
            order = sorted(candidates, key=lambda j: -float(vectors[i] @ vectors[j]))
            wrong_first = [items.sentences[j] == items.sentences[i] for j in order].index(True)
            hits.append(wrong_first < best_of)
    return 100 * float(np.mean(hits))


@pytest.mark.parametrize("tile", [3, 10**6])
def test_recall_of_every_direction_matches_a_loop(tile: int) -> None:
    items, products = make_items(), Products(tile_rows=tile)
    scored = score_retrieval(speech_searches(items), items, items, bootstrap=FEW, products=products)
    figures = {(f.protocol, f.metric): f for f in scored}
    for pair in permutations(LANGUAGES, 2):
        for metric, best_of in (("R@1", 1), ("R@5", 5)):
            value = figures[f"all:{'-'.join(pair)}", metric].value
            assert value == pytest.approx(naive_recall(items, *pair, best_of))
    mean = np.mean([naive_recall(items, *pair, 1) for pair in permutations(LANGUAGES, 2)])
    assert figures["all:mean", "R@1"].value == pytest.approx(mean)


def test_a_collapsed_model_scores_zero() -> None:
    items = make_items(collapsed=True)
    figures = score_retrieval(speech_searches(items), items, items, bootstrap=FEW)
    assert {f.value for f in figures if f.metric in ("R@1", "R@5")} == {0.0}
    assert {f.value for f in figures if f.metric.startswith("xSIM")} == {100.0}


def test_a_metric_registered_from_outside_is_scored_with_its_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RETRIEVAL_METRICS, "R@2", RetrievalMetric(lambda rank: rank <= 2))
    items = make_items()
    figures = {(f.protocol, f.metric): f for f in score_retrieval(speech_searches(items), items, items, bootstrap=FEW)}
    assert figures["all:eng-fra", "R@2"].value == pytest.approx(naive_recall(items, "eng", "fra", 2))
    # 2 of 16 candidates are correct.
    assert figures["all:eng-fra", "R@2"].chance == pytest.approx(100 * (1 - 14 / 16 * 13 / 15))
    assert "one:mean" in {protocol for protocol, metric in figures if metric == "R@2"}


def test_chance_and_counts_are_those_of_the_protocol() -> None:
    items = make_items(recordings=2)
    figures = {(f.protocol, f.metric): f for f in score_retrieval(speech_searches(items), items, items, bootstrap=FEW)}
    # 16 French candidates, two of them correct; 7 sentences shared with Spanish.
    every, one = figures["all:eng-fra", "R@1"], figures["one:eng-spa", "R@1"]
    assert (every.n, every.chance) == (16, pytest.approx(100 * 2 / 16))
    assert (one.n, one.chance) == (7, pytest.approx(100 / 7))
    assert figures["one:eng-spa", "xSIM"].chance == pytest.approx(100 - 100 / 7)
    assert figures["all:spa-eng", "candidates"].value == 16
    assert figures["all:spa-eng", "sentences"].value == 7


def test_intervals_match_copying_the_queries_of_the_sentences_drawn() -> None:
    items = make_items(noise=1.5)
    searches = [search for search in speech_searches(items) if search.protocol == "all"]
    figures = {(f.protocol, f.metric): f for f in score_retrieval(searches, items, items, bootstrap=Bootstrap(40, 4))}
    sentences = sorted(set(items.sentences))
    draws = np.random.default_rng(4).integers(0, 8, size=(40, 8))
    table = []
    for search in searches:
        hits = run_search(search, items, items).values["R@1"]
        asked = items.sentences[search.queries]
        table.append([np.concatenate([hits[asked == sentences[s]] for s in drawn]).mean() for drawn in draws])
    for search, values in zip(searches, table, strict=True):
        figure = figures[f"all:{search.scope}", "R@1"]
        assert (figure.low, figure.high) == pytest.approx(tuple(np.percentile(values, [2.5, 97.5])))
    mean = figures["all:mean", "R@1"]
    assert (mean.low, mean.high) == pytest.approx(tuple(np.percentile(np.mean(table, axis=0), [2.5, 97.5])))


def test_text_of_the_same_language_has_a_separate_mean() -> None:
    speech, texts = make_items(noise=0.0), make_items(recordings=1, noise=0.0)
    figures = {
        f.protocol: f
        for f in score_retrieval(text_searches(speech, texts), speech, texts, bootstrap=FEW)
        if f.metric == "R@1"
    }
    assert {f.value for f in figures.values()} == {100.0}
    assert figures["text:mean"].n == len(speech.names)
    assert figures["text:mean"].chance == pytest.approx(100 * (1 / 8 + 1 / 8 + 1 / 7) / 3)
    assert {"text:eng", "text:eng-spa", "text:mean-cross"} <= figures.keys()


def test_the_mean_of_a_pattern_is_that_of_its_directions() -> None:
    items = make_items(noise=1.5)
    searches = speech_searches(items, [parse_pattern("X-eng"), parse_pattern("fra-eng")])
    figures = {f.protocol: f for f in score_retrieval(searches, items, items, bootstrap=FEW) if f.metric == "R@1"}
    into = [figures[f"all:{source}-eng"] for source in ("fra", "spa")]
    mean = figures["all:mean:X-eng"]
    assert mean.value == pytest.approx(np.mean([f.value for f in into]))
    assert (mean.n, mean.chance) == (sum(f.n for f in into), pytest.approx(np.mean([f.chance for f in into])))
    single, direction = figures["all:mean:fra-eng"], figures["all:fra-eng"]
    assert (single.value, single.low, single.high) == (direction.value, direction.low, direction.high)
    assert "all:mean" not in figures and "all:eng-fra" not in figures


def test_two_sentences_of_one_text_are_counted_and_both_missed() -> None:
    texts = make_items(recordings=1, noise=0.0)
    stored = texts.vectors.stored.copy()
    stored[1] = stored[0]  # eng s0 and s1
    texts = EmbeddingTable(texts.names, UnitRows.of(stored, texts.names), texts.sentences, texts.languages)
    figures = score_retrieval(text_searches(texts, texts), texts, texts, bootstrap=FEW)
    table = {(f.protocol, f.metric): f.value for f in figures}
    assert table["text:eng", "R@1"] == pytest.approx(100 * 6 / 8)
    assert table["text:eng", "duplicates"] == 2
    assert table["text:mean", "duplicates"] == pytest.approx(2 / 3)
    assert ("text:fra", "duplicates") not in table


def test_recordings_of_one_sentence_are_not_duplicates() -> None:
    items = make_items(recordings=2, noise=0.0)
    figures = score_retrieval(speech_searches(items), items, items, bootstrap=FEW)
    assert not [f for f in figures if f.metric == "duplicates"]
