"""Which recordings ask and which answer: the retrieval protocols `all`, `one` and `text`."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from espnet_ext.errors import UserError


@dataclass(frozen=True)
class Items:
    """Embeddings to search in or with, of speech or of text.

    names: (n,) utterance ids; vectors: (n, dim) unit rows; sentences, languages: (n,) ids.
    """

    names: np.ndarray
    vectors: np.ndarray
    sentences: np.ndarray
    languages: np.ndarray


@dataclass(frozen=True)
class Search:
    """One search: rows of the queries' items, rows of the candidates' items.

    `scope` is the direction (`eng-spa`: English asks, Spanish answers) or, for the text of
    the same language, the language; searches of one `mean_scope` are averaged under that name.
    In an `aligned` search candidate i is the only right one for query i.
    """

    protocol: str
    scope: str
    mean_scope: str
    queries: np.ndarray
    candidates: np.ndarray
    aligned: bool = False


def choose_one(items: Items, language: str) -> dict[str, int]:
    """One row per sentence of a language: that of the alphabetically first utterance id."""
    rows = np.flatnonzero(items.languages == language)
    rows = rows[np.argsort(items.names[rows], kind="stable")]
    return {str(items.sentences[row]): int(row) for row in rows[::-1]}


def search_all(items: Items, source: str, target: str) -> Search:
    """Every recording whose sentence exists in the target, among every recording of the target."""
    candidates = np.flatnonzero(items.languages == target)
    queries = np.flatnonzero(
        (items.languages == source) & np.isin(items.sentences, items.sentences[candidates])
    )
    return Search("all", f"{source}-{target}", "mean", queries, candidates)


def search_one(items: Items, source: str, target: str) -> Search:
    """One recording per sentence on each side, of the sentences that both languages have."""
    asking, answering = choose_one(items, source), choose_one(items, target)
    shared = sorted(asking.keys() & answering.keys())
    queries = np.array([asking[sentence] for sentence in shared], dtype=int)
    candidates = np.array([answering[sentence] for sentence in shared], dtype=int)
    return Search("one", f"{source}-{target}", "mean", queries, candidates, aligned=True)


def search_text(items: Items, texts: Items, source: str, target: str) -> Search:
    """Every recording whose sentence has a text in the target, among one text for each sentence there."""
    candidates = np.array(sorted(choose_one(texts, target).values()), dtype=int)
    queries = np.flatnonzero(
        (items.languages == source) & np.isin(items.sentences, texts.sentences[candidates])
    )
    scopes = (source, "mean") if source == target else (f"{source}-{target}", "mean-cross")
    return Search("text", *scopes, queries, candidates)


def speech_searches(items: Items) -> list[Search]:
    """`all` and `one` in every direction between two languages that share a sentence.

    Raises:
        UserError: fewer than two languages, or no sentence that two of them share.
    """
    languages = np.unique(items.languages)
    if len(languages) < 2:
        raise UserError(
            f"all recordings are in {languages[0]}: speech-to-speech retrieval needs two languages or more"
        )
    pairs = list(permutations(languages, 2))
    searches = [search(items, *pair) for search in (search_all, search_one) for pair in pairs]
    searches = [search for search in searches if len(search.queries)]
    if not searches:
        raise UserError(f"no sentence id of utt2sent occurs in two of the languages {', '.join(languages)}")
    return searches


def text_searches(items: Items, texts: Items) -> list[Search]:
    """`text` in the language of the recording and across languages."""
    spoken, written = np.unique(items.languages), np.unique(texts.languages)
    searches = [search_text(items, texts, source, target) for source in spoken for target in written]
    return [search for search in searches if len(search.queries)]
