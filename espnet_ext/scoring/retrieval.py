"""Cross-lingual retrieval: ranks with ties, R@1, R@5, MRR, xSIM, chance, intervals over sentences."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from espnet_ext.scoring.bootstrap import percentile_interval, resample_weights, weighted_means
from espnet_ext.scoring.figure import Figure
from espnet_ext.scoring.protocols import Items, Search
from espnet_ext.scoring.similarity import cosine_blocks
from espnet_ext.scoring.xsim import margin_errors

RANK_METRICS = ("R@1", "R@5", "MRR")
XSIM_METRICS = ("xSIM", "xSIM-margin")


@dataclass(frozen=True)
class Outcome:
    """What one search gave: a column of values (queries,) for each metric, in percent, and by chance."""

    search: Search
    values: dict[str, np.ndarray]
    chance: dict[str, float]


def ranks(scores: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Rank of the best right candidate of each query, every wrong candidate tied with it before it.

    So rank 1 is a hit only if all candidates tied for the top are right: a collapsed model,
    all of whose scores are equal, must not be paid for array order.

    Args:
        scores: (queries, candidates), larger is more similar.
        right: (queries, candidates) bool, at least one True in each row.

    Returns:
        (queries,) int, from 1.
    """
    best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
    return 1 + ((scores >= best) & ~right).sum(axis=1)


def rank_chance(right: int, candidates: int) -> tuple[float, float, float]:
    """Expected R@1, R@5 and MRR (0-1) of a random order of `candidates`, `right` of them right."""
    wrong = candidates - right
    # missed[k]: the first k places of the order are all wrong.
    places = np.arange(wrong)
    missed = np.append(1.0, np.cumprod((wrong - places) / (candidates - places)))
    first_at = missed - np.append(missed[1:], 0.0)
    return (
        right / candidates,
        float(1.0 - missed[5]) if wrong >= 5 else 1.0,
        float((first_at / np.arange(1, wrong + 2)).sum()),
    )


def run_search(search: Search, asking: Items, answering: Items) -> Outcome:
    """Search the candidates of `answering` with the queries of `asking`.

    Memory is bounded: scores are made and used in blocks of queries.
    """
    queries, candidates = asking.vectors[search.queries], answering.vectors[search.candidates]
    wanted, found = asking.sentences[search.queries], answering.sentences[search.candidates]
    rank, num_right = np.empty((2, len(queries)), dtype=int)
    for rows, cosines in cosine_blocks(queries, candidates):
        right = wanted[rows, None] == found
        rank[rows], num_right[rows] = ranks(cosines, right), right.sum(axis=1)
    values = dict(zip(RANK_METRICS, (rank == 1, rank <= 5, 1.0 / rank), strict=True))
    chance = dict(zip(RANK_METRICS, _mean_chance(num_right, len(candidates)), strict=True))
    if search.aligned:
        values |= {"xSIM": rank != 1, "xSIM-margin": margin_errors(queries, candidates)}
        chance |= dict.fromkeys(XSIM_METRICS, 1.0 - chance["R@1"])
    return Outcome(
        search,
        {metric: 100.0 * column.astype(np.float64) for metric, column in values.items()},
        {metric: 100.0 * level for metric, level in chance.items()},
    )


def _mean_chance(num_right: np.ndarray, candidates: int) -> np.ndarray:
    """Mean of `rank_chance` over queries, each with its own number of right candidates: (3,)."""
    kinds, counts = np.unique(num_right, return_counts=True)
    return np.average([rank_chance(int(kind), candidates) for kind in kinds], axis=0, weights=counts)


def score_retrieval(
    searches: Sequence[Search],
    asking: Items,
    answering: Items,
    suffix: str = "",
    resamples: int = 1000,
    seed: int = 0,
) -> list[Figure]:
    """Every search and, for each protocol, the mean over its directions, with intervals over sentences.

    One resample of the sentences serves all searches, so that a mean's interval knows that its
    directions share their sentences. The candidates stay whole.

    Args:
        searches: at least one, with rows of `asking` and `answering`.
        suffix: appended to the protocol's name, e.g. `-centred`.
    """
    outcomes = [run_search(search, asking, answering) for search in searches]
    sentences = np.unique(asking.sentences)
    weights = resample_weights(len(sentences), resamples, seed)
    figures, means = [], defaultdict(list)
    for outcome in outcomes:
        search = outcome.search
        asked = np.searchsorted(sentences, asking.sentences[search.queries])
        draws = _resampled(outcome, asked, weights)
        protocol = search.protocol + suffix
        figures += _figures(f"{protocol}:{search.scope}", [outcome], asking, draws)
        means[f"{protocol}:{search.mean_scope}"].append((outcome, draws))
    for protocol, members in means.items():
        group = [outcome for outcome, _ in members]
        figures += _figures(protocol, group, asking, np.mean([draws for _, draws in members], axis=0))
    return figures


def _resampled(outcome: Outcome, asked: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The metrics of each resample of the sentences: (resamples, metrics)."""
    columns = np.stack(list(outcome.values.values()), axis=1)
    sums = np.zeros((weights.shape[1], columns.shape[1]))
    np.add.at(sums, asked, columns)
    counts = np.bincount(asked, minlength=weights.shape[1])[:, None]
    return weighted_means(sums, counts, weights)


def _figures(protocol: str, group: Sequence[Outcome], asking: Items, draws: np.ndarray) -> list[Figure]:
    """Rows of one search, or of the mean over several: metrics, then the counts they rest on."""
    low, high = percentile_interval(draws)
    total = sum(len(outcome.search.queries) for outcome in group)
    figures = [
        Figure(
            protocol,
            metric,
            float(np.mean([outcome.values[metric].mean() for outcome in group])),
            total,
            float(low[i]),
            float(high[i]),
            float(np.mean([outcome.chance[metric] for outcome in group])),
        )
        for i, metric in enumerate(group[0].values)
    ]
    asked = np.concatenate([asking.sentences[outcome.search.queries] for outcome in group])
    counts = {
        "candidates": float(np.mean([len(outcome.search.candidates) for outcome in group])),
        "sentences": float(len(np.unique(asked))),
    }
    return figures + [Figure(protocol, name, count, total) for name, count in counts.items()]
