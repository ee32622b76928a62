"""Cross-lingual retrieval: R@1, R@5, MRR, xSIM, chance, intervals over sentences."""

from collections.abc import Sequence

import numpy as np

from espnet_ext.scoring.bootstrap import Bootstrap, Resamples
from espnet_ext.scoring.figure import Figure
from espnet_ext.scoring.products import NumpyProducts, Products
from espnet_ext.scoring.protocols import Items, Search
from espnet_ext.scoring.rows import UnitRows
from espnet_ext.scoring.search import rank_queries
from espnet_ext.scoring.summary import Outcome, Summary
from espnet_ext.scoring.xsim import score_neighbours

RANK_METRICS = ("R@1", "R@5", "MRR")
XSIM_METRICS = ("xSIM", "xSIM-margin")
DEFAULT_BOOTSTRAP = Bootstrap()
DEFAULT_PRODUCTS = NumpyProducts()


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


def run_search(search: Search, asking: Items, answering: Items, products: Products = DEFAULT_PRODUCTS) -> Outcome:
    """Search the candidates of `answering` with the queries of `asking`."""
    queries, candidates = asking.vectors.view(search.queries), answering.vectors.view(search.candidates)
    if search.aligned:
        rank, errors = _rank_aligned(queries, candidates, products)
        num_right, xsim = np.ones_like(rank), dict(zip(XSIM_METRICS, (rank != 1, errors), strict=True))
    else:
        wanted, found = asking.sentences[search.queries], answering.sentences[search.candidates]
        (rank, num_right), xsim = rank_queries(queries, candidates, wanted, found, products), {}
    values = dict(zip(RANK_METRICS, (rank == 1, rank <= 5, 1.0 / rank), strict=True)) | xsim
    chance = dict(zip(RANK_METRICS, _mean_chance(num_right, len(candidates)), strict=True))
    chance |= dict.fromkeys(xsim, 1.0 - chance["R@1"])
    return Outcome(
        search,
        {metric: 100.0 * column.astype(np.float64) for metric, column in values.items()},
        {metric: 100.0 * level for metric, level in chance.items()},
    )


def _rank_aligned(queries: UnitRows, candidates: UnitRows, products: Products) -> tuple[np.ndarray, np.ndarray]:
    """Ranks and margin errors (queries,): only a right one that is no neighbour needs a search of its own."""
    ranks, errors = score_neighbours(queries, candidates, products)
    far = np.flatnonzero(ranks == 0)
    if len(far):
        ranks[far], _ = rank_queries(queries.view(far), candidates, far, np.arange(len(candidates)), products)
    return ranks, errors


def _mean_chance(num_right: np.ndarray, candidates: int) -> np.ndarray:
    """Mean of `rank_chance` over queries, each with its own number of right candidates: (3,)."""
    kinds, counts = np.unique(num_right, return_counts=True)
    return np.average([rank_chance(int(kind), candidates) for kind in kinds], axis=0, weights=counts)


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
