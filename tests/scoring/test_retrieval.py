"""Ranks, chance and figures of retrieval against loops; ties; intervals against resampling by hand."""

from itertools import permutations

import numpy as np
import pytest

from espnet_ext.scoring import similarity
from espnet_ext.scoring.protocols import Items, speech_searches, text_searches
from espnet_ext.scoring.retrieval import rank_chance, ranks, run_search, score_retrieval
from espnet_ext.scoring.similarity import unit_rows

LANGUAGES = ("eng", "fra", "spa")


def make_items(recordings: int = 2, noise: float = 1.0, collapsed: bool = False) -> Items:
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
    return Items(names, unit_rows(vectors, names), sentences, languages)


def naive_rank(scores: list[float], right: list[bool]) -> int:
    """Place of the first right candidate in a list sorted by score, wrong ones first among equals."""
    order = sorted(zip(scores, right, strict=True), key=lambda pair: (-pair[0], pair[1]))
    return 1 + [is_right for _, is_right in order].index(True)


@pytest.mark.parametrize("levels", [2, 4, 1000])
def test_ranks_match_a_sorted_list(levels: int) -> None:
    rng = np.random.default_rng(levels)
    scores = rng.integers(0, levels, size=(200, 9)).astype(float)
    right = rng.random((200, 9)) < 0.3
    right[:, 0] |= ~right.any(axis=1)
    expected = [naive_rank(list(row), list(mask)) for row, mask in zip(scores, right, strict=True)]
    np.testing.assert_array_equal(ranks(scores, right), expected)


def test_a_tie_for_the_top_is_a_hit_only_if_all_tied_are_right() -> None:
    scores = np.array([[0.9, 0.9, 0.1], [0.9, 0.9, 0.1], [0.5, 0.5, 0.5]])
    right = np.array([[True, True, False], [True, False, False], [True, True, True]])
    assert (ranks(scores, right) == 1).tolist() == [True, False, True]


@pytest.mark.parametrize(("right", "candidates"), [(1, 1), (1, 4), (2, 6), (3, 7), (7, 7), (1, 8)])
def test_chance_is_the_mean_over_all_orders(right: int, candidates: int) -> None:
    kinds = [True] * right + [False] * (candidates - right)
    # By position of the right ones: every set of positions is equally likely.
    first = [order.index(True) + 1 for order in set(permutations(kinds))]
    expected = np.mean([(f <= 1, f <= 5, 1 / f) for f in first], axis=0)
    np.testing.assert_allclose(rank_chance(right, candidates), expected, atol=1e-12)


def naive_recall(items: Items, source: str, target: str, best_of: int) -> float:
    """Protocol `all`, R@`best_of`, with Python lists and no ties."""
    candidates = [i for i, lang in enumerate(items.languages) if lang == target]
    hits = []
    for i, lang in enumerate(items.languages):
        if lang == source and items.sentences[i] in items.sentences[candidates]:
            order = sorted(candidates, key=lambda j: -float(items.vectors[i] @ items.vectors[j]))
            wrong_first = [items.sentences[j] == items.sentences[i] for j in order].index(True)
            hits.append(wrong_first < best_of)
    return 100 * float(np.mean(hits))


@pytest.mark.parametrize("cells", [3, 10**6])
def test_recall_of_every_direction_matches_a_loop(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "BLOCK_CELLS", cells)
    items = make_items()
    figures = {
        (f.protocol, f.metric): f for f in score_retrieval(speech_searches(items), items, items, resamples=5)
    }
    for pair in permutations(LANGUAGES, 2):
        for metric, best_of in (("R@1", 1), ("R@5", 5)):
            value = figures[f"all:{'-'.join(pair)}", metric].value
            assert value == pytest.approx(naive_recall(items, *pair, best_of))
    mean = np.mean([naive_recall(items, *pair, 1) for pair in permutations(LANGUAGES, 2)])
    assert figures["all:mean", "R@1"].value == pytest.approx(mean)


def test_a_collapsed_model_scores_nothing() -> None:
    items = make_items(collapsed=True)
    figures = score_retrieval(speech_searches(items), items, items, resamples=5)
    assert {f.value for f in figures if f.metric in ("R@1", "R@5")} == {0.0}
    assert {f.value for f in figures if f.metric.startswith("xSIM")} == {100.0}


def test_chance_and_counts_are_those_of_the_protocol() -> None:
    items = make_items(recordings=2)
    figures = {
        (f.protocol, f.metric): f for f in score_retrieval(speech_searches(items), items, items, resamples=5)
    }
    # 16 French candidates, two of them right; 7 sentences shared with Spanish.
    every, one = figures["all:eng-fra", "R@1"], figures["one:eng-spa", "R@1"]
    assert (every.n, every.chance) == (16, pytest.approx(100 * 2 / 16))
    assert (one.n, one.chance) == (7, pytest.approx(100 / 7))
    assert figures["one:eng-spa", "xSIM"].chance == pytest.approx(100 - 100 / 7)
    assert figures["all:spa-eng", "candidates"].value == 16
    assert figures["all:spa-eng", "sentences"].value == 7


def test_intervals_match_copying_the_queries_of_the_sentences_drawn() -> None:
    items = make_items(noise=1.5)
    searches = [search for search in speech_searches(items) if search.protocol == "all"]
    figures = {
        (f.protocol, f.metric): f for f in score_retrieval(searches, items, items, resamples=40, seed=4)
    }
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


def test_text_of_the_same_language_has_a_mean_of_its_own() -> None:
    speech, texts = make_items(noise=0.0), make_items(recordings=1, noise=0.0)
    figures = {
        f.protocol: f for f in score_retrieval(text_searches(speech, texts), speech, texts, resamples=5)
        if f.metric == "R@1"
    }
    assert {f.value for f in figures.values()} == {100.0}
    assert figures["text:mean"].n == len(speech.names)
    assert figures["text:mean"].chance == pytest.approx(100 * (1 / 8 + 1 / 8 + 1 / 7) / 3)
    assert {"text:eng", "text:eng-spa", "text:mean-cross"} <= figures.keys()
