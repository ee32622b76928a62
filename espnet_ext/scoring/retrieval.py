"""Cross-lingual retrieval: metrics of ranks, their chance levels, intervals over sentences."""

from collections.abc import Sequence

import numpy as np

from espnet_ext.scoring.bootstrap import Bootstrap, Resamples
from espnet_ext.scoring.figure import Figure
from espnet_ext.scoring.metrics import RETRIEVAL_METRICS, mean_rank_odds
from espnet_ext.scoring.products import Products
from espnet_ext.scoring.protocols import Items, Search
from espnet_ext.scoring.search import rank_queries
from espnet_ext.scoring.summary import Outcome, Summary
from espnet_ext.scoring.xsim import rank_aligned

DEFAULT_BOOTSTRAP = Bootstrap()
DEFAULT_PRODUCTS = Products()


def run_search(search: Search, asking: Items, answering: Items, products: Products = DEFAULT_PRODUCTS) -> Outcome:
    """Search the candidates of `answering` with the queries of `asking`."""
    queries, candidates = asking.vectors.view(search.queries), answering.vectors.view(search.candidates)
    if search.aligned:
        by_cosine, by_ratio = rank_aligned(queries, candidates, products)
        ranks = {"cosine": by_cosine, "absolute": by_cosine, "ratio": by_ratio}
        num_right = np.ones_like(by_cosine)
    else:
        wanted, found = asking.sentences[search.queries], answering.sentences[search.candidates]
        by_cosine, num_right = rank_queries(queries, candidates, wanted, found, products)
        ranks = {"cosine": by_cosine}
    metrics = {name: metric for name, metric in RETRIEVAL_METRICS.items() if metric.by in ranks}
    odds = mean_rank_odds(num_right, len(candidates))
    return Outcome(
        search,
        {name: metric.values(ranks[metric.by]) for name, metric in metrics.items()},
        {name: metric.chance(odds) for name, metric in metrics.items()},
    )


def score_retrieval(
    searches: Sequence[Search],
    asking: Items,
    answering: Items,
    suffix: str = "",
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    products: Products = DEFAULT_PRODUCTS,
) -> list[Figure]:
    """Every search and the means over them by their `mean_scopes`, with intervals over sentences.

    One resample of the sentences serves all searches, so that a mean's interval knows that its
    directions share their sentences. The candidates stay whole.

    Args:
        searches: at least one, with rows of `asking` and `answering`.
        suffix: appended to the protocol's name, e.g. `-centred`.
    """
    sentences = np.unique(asking.sentences)
    resamples = Resamples(len(sentences), bootstrap)
    identities = answering.vectors.identities()
    figures, means = [], {}
    for search in searches:
        outcome = run_search(search, asking, answering, products)
        asked = np.searchsorted(sentences, asking.sentences[search.queries])
        draws = resamples.means(np.stack(list(outcome.values.values()), axis=1), asked)
        found = answering.sentences[search.candidates]
        parts = outcome, asked, draws, count_duplicates(identities[search.candidates], found)
        protocol = search.protocol + suffix
        alone = Summary(len(sentences))
        alone.add(*parts)
        figures += alone.figures(f"{protocol}:{search.scope}")
        for scope in search.mean_scopes:
            means.setdefault(f"{protocol}:{scope}", Summary(len(sentences))).add(*parts)
    for protocol, summary in means.items():
        figures += summary.figures(protocol)
    return figures


def count_duplicates(identities: np.ndarray, sentences: np.ndarray) -> int:
    """Candidates whose vector is, bit by bit, that of another sentence's candidate: ties for the top, so misses.

    Two sentence ids may have one text (FLEURS), and a collapsed model has one vector for all.
    """
    _, group, size = np.unique(identities, return_inverse=True, return_counts=True)
    if size.max() == 1:
        return 0
    _, codes = np.unique(sentences, return_inverse=True)
    distinct = np.unique(np.stack([group, codes]), axis=1)[0]
    return int((np.bincount(distinct)[group] > 1).sum())
