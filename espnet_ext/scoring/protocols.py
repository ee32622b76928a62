"""Queries and candidates of the retrieval protocols `all`, `one` and `text`, and the directions that are scored."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

import numpy as np

from espnet_ext.scoring.rows import UnitRows
from espnet_ext.utils.errors import UserError

ANY = "X"
ALL = "all"


@dataclass(frozen=True)
class Pattern:
    """Directions from the queries' language to the candidates' language, X = any: `X-eng` has English candidates.

    `mean` and `mean_of_text` name the average over them, for speech and for text in another language.
    """

    source: str = ANY
    target: str = ANY

    def __str__(self) -> str:
        return ALL if self == EVERY else f"{self.source}-{self.target}"

    @property
    def mean(self) -> str:
        return "mean" if self == EVERY else f"mean:{self}"

    @property
    def mean_of_text(self) -> str:
        return "mean-cross" if self == EVERY else f"mean:{self}"

    def matches(self, source: str, target: str) -> bool:
        """Whether a direction between two different languages is included."""
        return source != target and self.source in (ANY, source) and self.target in (ANY, target)

    def check(self, languages: Iterable[str]) -> None:
        """Check that a set has the languages of this pattern.

        Raises:
            UserError: it does not; lists the languages that it has.
        """
        legal = sorted(set(languages))
        for language in (self.source, self.target):
            if language not in (ANY, *legal):
                raise UserError(f"direction {self}: no language {language} here; there are {', '.join(legal)}")


EVERY = Pattern()


def parse_pattern(text: str) -> Pattern:
    """Read `all`, `X-eng`, `eng-X` or `fra-eng`.

    Raises:
        UserError: another form, or twice the same language.
    """
    if text == ALL:
        return EVERY
    match = re.fullmatch(r"(\w+)-(\w+)", text)
    if not match or match[1] == match[2]:
        raise UserError(
            f"direction {text!r}: expected {ALL} or QUERIES-CANDIDATES, such as fra-eng, {ANY}-eng or eng-{ANY}"
        )
    return Pattern(*match.groups())


def parse_pairs(options: Sequence[str]) -> dict[str, tuple[Pattern, ...]]:
    """Read several `SET=X-eng,fra-eng`: set -> its directions.

    Raises:
        UserError: another form, or a set or a direction given twice.
    """
    pairs: dict[str, tuple[Pattern, ...]] = {}
    for option in options:
        set_name, equals, patterns = option.partition("=")
        if not set_name or not equals:
            raise UserError(f"--retrieval_pairs {option}: expected SET=DIRECTION,..., e.g. test=X-eng,fra-eng")
        parsed = tuple(parse_pattern(text) for text in patterns.split(","))
        if len(set(parsed)) < len(parsed) or set_name in pairs:
            raise UserError(f"--retrieval_pairs {option}: a direction or a set is given twice; remove one")
        pairs[set_name] = parsed
    return pairs


@dataclass(frozen=True)
class EmbeddingTable:
    """Embeddings of speech or of text.

    names: (n,) utterance ids; vectors: (n, dim) unit rows; sentences, languages: (n,) ids.
    """

    names: np.ndarray
    vectors: UnitRows
    sentences: np.ndarray
    languages: np.ndarray

    @cached_property
    def by_language(self) -> dict[str, np.ndarray]:
        """Language -> its rows; languages sorted."""
        languages, codes = np.unique(self.languages, return_inverse=True)
        return {str(language): np.flatnonzero(codes == code) for code, language in enumerate(languages)}

    @cached_property
    def one_per_sentence(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Language -> its sentences, sorted, and for each the row of the alphabetically first utterance id."""
        selected = {}
        for language, rows in self.by_language.items():
            rows = rows[np.argsort(self.names[rows], kind="stable")]
            sentences, first = np.unique(self.sentences[rows], return_index=True)
            selected[language] = sentences, rows[first]
        return selected

    def rows_of(self, language: str, sentences: np.ndarray) -> np.ndarray:
        """Rows of a language with one of these sentences."""
        rows = self.by_language[language]
        return rows[np.isin(self.sentences[rows], sentences)]


@dataclass(frozen=True)
class Search:
    """One search: rows of the queries' table and rows of the candidates' table.

    `scope` is the direction (`eng-spa`: English queries, Spanish candidates) or, for text in the language of the
    recording, the language. Searches with a common entry in `mean_scopes` are averaged under that name.
    In an `aligned` search, candidate i is the only right candidate of query i.
    """

    protocol: str
    scope: str
    mean_scopes: Sequence[str]
    queries: np.ndarray
    candidates: np.ndarray
    aligned: bool = False


def search_all(table: EmbeddingTable, source: str, target: str, mean_scopes: Sequence[str] = ("mean",)) -> Search:
    """Queries: every recording whose sentence exists in the target. Candidates: every recording of the target."""
    queries = table.rows_of(source, table.one_per_sentence[target][0])
    return Search("all", f"{source}-{target}", mean_scopes, queries, table.by_language[target])


def search_one(table: EmbeddingTable, source: str, target: str, mean_scopes: Sequence[str] = ("mean",)) -> Search:
    """One recording per sentence on each side, of the sentences that both languages have."""
    (query_ids, queries), (candidate_ids, candidates) = (table.one_per_sentence[one] for one in (source, target))
    _, left, right = np.intersect1d(query_ids, candidate_ids, assume_unique=True, return_indices=True)
    return Search("one", f"{source}-{target}", mean_scopes, queries[left], candidates[right], aligned=True)


def search_text(
    speech: EmbeddingTable, texts: EmbeddingTable, source: str, target: str, mean_scopes: Sequence[str] = ("mean",)
) -> Search:
    """Queries: every recording whose sentence has a text in the target. Candidates: one text per sentence."""
    sentences, candidates = texts.one_per_sentence[target]
    scope = source if source == target else f"{source}-{target}"
    return Search("text", scope, mean_scopes, speech.rows_of(source, sentences), np.sort(candidates))


def speech_searches(table: EmbeddingTable, patterns: Sequence[Pattern] = (EVERY,)) -> list[Search]:
    """`all` and `one` in every direction of `patterns` between two languages that share a sentence.

    Raises:
        UserError: fewer than two languages, no matching direction, or no shared sentence.
    """
    languages = list(table.by_language)
    if len(languages) < 2:
        raise UserError(f"all recordings are in {languages[0]}: speech-to-speech retrieval needs two languages or more")
    scopes = {pair: [one.mean for one in patterns if one.matches(*pair)] for pair in permutations(languages, 2)}
    scopes = {pair: means for pair, means in scopes.items() if means}
    if not scopes:
        raise UserError(
            f"none of the directions {', '.join(map(str, patterns))} is between two of the recordings' "
            f"languages {', '.join(languages)}"
        )
    searches = [search(table, *pair, means) for search in (search_all, search_one) for pair, means in scopes.items()]
    searches = [search for search in searches if len(search.queries)]
    if not searches:
        raise UserError(f"no sentence id of utt2sent occurs in two of the languages {', '.join(languages)}")
    return searches


def text_searches(
    speech: EmbeddingTable, texts: EmbeddingTable, patterns: Sequence[Pattern] = (EVERY,)
) -> list[Search]:
    """`text` in the language of the recording, always, and across languages in the directions of `patterns`."""
    searches = []
    for source in speech.by_language:
        for target in texts.by_language:
            matching = [one.mean_of_text for one in patterns if one.matches(source, target)]
            means = ["mean"] if source == target else matching
            if means:
                searches.append(search_text(speech, texts, source, target, means))
    return [search for search in searches if len(search.queries)]
