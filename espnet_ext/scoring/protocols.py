"""Which recordings ask and which answer: the retrieval protocols `all`, `one` and `text`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import permutations

import numpy as np

from espnet_ext.scoring.directions import EVERY, Pattern, matching
from espnet_ext.scoring.rows import UnitRows
from espnet_ext.utils.errors import UserError


@dataclass(frozen=True)
class Items:
    """Embeddings to search in or with, of speech or of text.

    names: (n,) utterance ids; vectors: (n, dim) unit rows; sentences, languages: (n,) ids.
    """

    names: np.ndarray
    vectors: UnitRows
    sentences: np.ndarray
    languages: np.ndarray
    _one: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def by_language(self) -> dict[str, np.ndarray]:
        """Rows of each language, languages sorted."""
        languages, codes = np.unique(self.languages, return_inverse=True)
        return {str(language): np.flatnonzero(codes == code) for code, language in enumerate(languages)}

    def one_each(self, language: str) -> tuple[np.ndarray, np.ndarray]:
        """The sentences of a language, sorted, and a row of each: that of the alphabetically first utterance id."""
        if language not in self._one:
            rows = self.by_language[language]
            rows = rows[np.argsort(self.names[rows], kind="stable")]
            sentences, first = np.unique(self.sentences[rows], return_index=True)
            self._one[language] = sentences, rows[first]
        return self._one[language]


@dataclass(frozen=True)
class Search:
    """One search: rows of the queries' items, rows of the candidates' items.

    `scope` is the direction (`eng-spa`: English asks, Spanish answers) or, for the text of the same
    language, the language; searches that share one of their `mean_scopes` are averaged under that name.
    In an `aligned` search candidate i is the only right one for query i.
    """

    protocol: str
    scope: str
    mean_scopes: Sequence[str]
    queries: np.ndarray
    candidates: np.ndarray
    aligned: bool = False


def _asking(items: Items, source: str, answered: np.ndarray) -> np.ndarray:
    """Every recording of a language whose sentence has an answer."""
    rows = items.by_language[source]
    return rows[np.isin(items.sentences[rows], answered)]


def search_all(items: Items, source: str, target: str, mean_scopes: Sequence[str] = ("mean",)) -> Search:
    """Every recording whose sentence exists in the target, among every recording of the target."""
    queries = _asking(items, source, items.one_each(target)[0])
    return Search("all", f"{source}-{target}", mean_scopes, queries, items.by_language[target])


def search_one(items: Items, source: str, target: str, mean_scopes: Sequence[str] = ("mean",)) -> Search:
    """One recording per sentence on each side, of the sentences that both languages have."""
    (asked, asking), (answered, answering) = items.one_each(source), items.one_each(target)
    _, left, right = np.intersect1d(asked, answered, assume_unique=True, return_indices=True)
    return Search("one", f"{source}-{target}", mean_scopes, asking[left], answering[right], aligned=True)


def search_text(items: Items, texts: Items, source: str, target: str, mean_scopes: Sequence[str] = ("mean",)) -> Search:
    """Every recording whose sentence has a text in the target, among one text for each sentence there."""
    sentences, candidates = texts.one_each(target)
    scope = source if source == target else f"{source}-{target}"
    return Search("text", scope, mean_scopes, _asking(items, source, sentences), np.sort(candidates))


def speech_searches(items: Items, patterns: Sequence[Pattern] = (EVERY,)) -> list[Search]:
    """`all` and `one` in every direction wanted between two languages that share a sentence.

    Raises:
        UserError: fewer than two languages, no direction wanted, or no sentence that two languages share.
    """
    languages = list(items.by_language)
    if len(languages) < 2:
        raise UserError(f"all recordings are in {languages[0]}: speech-to-speech retrieval needs two languages or more")
    wanted = {pair: [p.mean for p in matching(patterns, *pair)] for pair in permutations(languages, 2)}
    wanted = {pair: means for pair, means in wanted.items() if means}
    if not wanted:
        raise UserError(
            f"none of the directions {', '.join(map(str, patterns))} is between two of the recordings' "
            f"languages {', '.join(languages)}"
        )
    searches = [search(items, *pair, means) for search in (search_all, search_one) for pair, means in wanted.items()]
    searches = [search for search in searches if len(search.queries)]
    if not searches:
        raise UserError(f"no sentence id of utt2sent occurs in two of the languages {', '.join(languages)}")
    return searches


def text_searches(items: Items, texts: Items, patterns: Sequence[Pattern] = (EVERY,)) -> list[Search]:
    """`text` in the language of the recording, always, and across languages in the directions wanted."""
    searches = []
    for source in items.by_language:
        for target in texts.by_language:
            means = ["mean"] if source == target else [p.mean_of_text for p in matching(patterns, source, target)]
            if means:
                searches.append(search_text(items, texts, source, target, means))
    return [search for search in searches if len(search.queries)]
