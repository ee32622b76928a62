"""A query: terms with signed weights, each a vector of one attribute."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from espnet_ext.errors import UserError
from espnet_ext.search.codes import Codes
from espnet_ext.search.exact import scan
from espnet_ext.search.index import SearchIndex
from espnet_ext.search.ranking import Ranking


class Term(NamedTuple):
    """One wish.

    Attributes:
        attribute: whose vectors it is compared with.
        name: what the user gave, a text or a file.
        weight: of its cosine in the score; negative = unlike this.
        vector: (dim,) of unit length.
    """

    attribute: str
    name: str
    weight: float
    vector: np.ndarray


class Found(NamedTuple):
    """A recording that was found.

    Attributes:
        recording, audio: its id, and its file (with the seconds where it is a part of it).
        score: the weighted sum of `cosines`.
        cosines: one for each term.
    """

    recording: str
    audio: str
    score: float
    cosines: tuple[float, ...]


def search(index: SearchIndex, terms: Sequence[Term], top: int, codes: Codes | None = None) -> list[Found]:
    """The recordings with the highest weighted sum of cosines, best first; ties in order of the ids.

    Args:
        terms: at least one, of attributes that the index has.
        top: how many at most.
        codes: look these up instead of all the vectors they stand for; the scores are exact all the same.

    Raises:
        UserError: the index is empty, or a file of it is broken.
    """
    if not index.segments:
        raise UserError(f"{index.folder}: no recordings in this index yet; run `search build` again")
    query: dict[str, np.ndarray] = {}
    for term in terms:
        query[term.attribute] = query.get(term.attribute, 0) + term.weight * _unit(term.vector)
    ranking = Ranking(index, query, top)
    if codes is not None:
        codes.scan(ranking)
    scan(ranking, range(codes.num_segments if codes else 0, len(index.segments)))
    return [
        Found(
            hit.entry.identity,
            str(hit.entry.source),
            hit.score,
            tuple(float(hit.vectors[term.attribute] @ _unit(term.vector)) for term in terms),
        )
        for hit in ranking.hits()
    ]


def _unit(vector: np.ndarray) -> np.ndarray:
    vector = vector.astype(np.float64)
    return vector / np.linalg.norm(vector)
