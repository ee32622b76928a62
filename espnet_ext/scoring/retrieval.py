"""Cross-lingual retrieval: metrics of ranks, their chance levels, intervals over sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from espnet_ext.scoring.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Resamples, Score, make_counts, make_scores
from espnet_ext.scoring.protocols import EmbeddingTable, Search
from espnet_ext.scoring.ranks import RETRIEVAL_METRICS, Products, mean_rank_odds, rank_queries
from espnet_ext.scoring.xsim import rank_aligned

DEFAULT_PRODUCTS = Products()


@dataclass(frozen=True)
class Outcome:
    """Result of one search: metric -> values (queries,) in percent, and metric -> chance level."""

    values: dict[str, np.ndarray]
    chance: dict[str, float]


def run_search(
    search: Search, queries: EmbeddingTable, candidates: EmbeddingTable, products: Products = DEFAULT_PRODUCTS
) -> Outcome:
    """Rank the candidates of a search for each of its queries, rows of the two tables."""
    rows = queries.vectors.view(search.queries), candidates.vectors.view(search.candidates)
    if search.aligned:
        by_cosine, by_ratio = rank_aligned(*rows, products)
        ranks = {"cosine": by_cosine, "absolute": by_cosine, "ratio": by_ratio}
        num_right = np.ones_like(by_cosine)
    else:
        ids = queries.sentences[search.queries], candidates.sentences[search.candidates]
        by_cosine, num_right = rank_queries(*rows, *ids, products)
        ranks = {"cosine": by_cosine}
    metrics = {name: metric for name, metric in RETRIEVAL_METRICS.items() if metric.by in ranks}
    odds = mean_rank_odds(num_right, len(search.candidates))
    return Outcome(
        {name: metric.values(ranks[metric.by]) for name, metric in metrics.items()},
        {name: metric.chance(odds) for name, metric in metrics.items()},
    )


def score_retrieval(
    searches: Sequence[Search],
    queries: EmbeddingTable,
    candidates: EmbeddingTable,
    suffix: str = "",
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    products: Products = DEFAULT_PRODUCTS,
) -> list[Score]:
    """Scores of every search, and of the means over searches by their `mean_scopes`, with intervals over sentences.

    All searches use the same resamples of the sentences, so that a mean's interval accounts for sentences that its
    directions share. Candidates are not resampled.

    Args:
        searches: at least one, with rows of `queries` and `candidates`.
        suffix: appended to the protocol's name, e.g. `-centred`.
    """
    sentences = np.unique(queries.sentences)
    resamples = Resamples(len(sentences), bootstrap)
    identities = candidates.vectors.identities()
    scores: list[Score] = []
    means: dict[str, _Mean] = {}
    for search in searches:
        outcome = run_search(search, queries, candidates, products)
        query_ids = np.searchsorted(sentences, queries.sentences[search.queries])
        draws = resamples.means(np.stack(list(outcome.values.values()), axis=1), query_ids)
        candidate_ids = candidates.sentences[search.candidates]
        counts = np.array([len(candidate_ids), count_duplicates(identities[search.candidates], candidate_ids)])
        protocol, single = search.protocol + suffix, _Mean(len(sentences))
        single.add(outcome, query_ids, draws, counts)
        scores += single.scores(f"{protocol}:{search.scope}")
        for scope in search.mean_scopes:
            mean = means.setdefault(f"{protocol}:{scope}", _Mean(len(sentences)))
            mean.add(outcome, query_ids, draws, counts)
    for protocol, mean in means.items():
        scores += mean.scores(protocol)
    return scores


class _Mean:
    """Running mean over searches: its memory does not depend on their number (10,000 directions of 100 languages)."""

    def __init__(self, num_sentences: int) -> None:
        self._num_searches = 0
        self._num_queries = 0
        # Each sentence counts once, even if it has queries in several directions.
        self._has_query = np.zeros(num_sentences, dtype=bool)
        self._sums: list[Any] = [0.0] * 4

    def add(self, outcome: Outcome, query_ids: np.ndarray, draws: np.ndarray, counts: np.ndarray) -> None:
        """Add a search.

        Args:
            query_ids: (queries,) number of each query's sentence.
            draws: (resamples, metrics) the metrics of each resample.
            counts: candidates and duplicates.
        """
        self._metrics = list(outcome.values)
        self._num_searches += 1
        self._num_queries += len(query_ids)
        self._has_query[query_ids] = True
        values = np.array([column.mean() for column in outcome.values.values()])
        chance = np.array(list(outcome.chance.values()))
        self._sums = [total + new for total, new in zip(self._sums, (values, chance, draws, counts), strict=True)]

    def scores(self, protocol: str) -> list[Score]:
        """Metrics, then counts, all averaged over the searches; `duplicates` only if there are any."""
        values, chance, draws, (candidates, duplicates) = (total / self._num_searches for total in self._sums)
        counts = {"candidates": candidates, "sentences": self._has_query.sum()}
        counts |= {"duplicates": duplicates} if duplicates else {}
        metrics = dict(zip(self._metrics, values, strict=True))
        return [
            *make_scores(protocol, self._num_queries, metrics, chance, draws),
            *make_counts(protocol, self._num_queries, counts),
        ]


def count_duplicates(identities: np.ndarray, sentences: np.ndarray) -> int:
    """Candidates with exactly the vector of another sentence's candidate. They tie for the top, so they are misses.

    Two sentence ids may have the same text (FLEURS), and a collapsed model has one vector for all sentences.
    """
    _, group, size = np.unique(identities, return_inverse=True, return_counts=True)
    if size.max() == 1:
        return 0
    _, codes = np.unique(sentences, return_inverse=True)
    distinct = np.unique(np.stack([group, codes]), axis=1)[0]
    return int((np.bincount(distinct)[group] > 1).sum())
