"""Which directions between languages are scored, and under which names they are averaged."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from espnet_ext.utils.errors import UserError

ANY = "X"
ALL = "all"


@dataclass(frozen=True)
class Pattern:
    """Directions `source-target`, X for every language: `X-eng` asks in every other language for English.

    `mean` and `mean_of_text` name the average over them, of speech and of another language's text.
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
        """Whether a direction between two different languages is one of these."""
        return source != target and self.source in (ANY, source) and self.target in (ANY, target)

    def check(self, languages: Iterable[str]) -> None:
        """Refuse a language that a set does not have.

        Raises:
            UserError: names it and those that the set has.
        """
        legal = sorted(set(languages))
        for language in (self.source, self.target):
            if language not in (ANY, *legal):
                raise UserError(f"direction {self}: no language {language} here; there are {', '.join(legal)}")


EVERY = Pattern()


def parse_pattern(text: str) -> Pattern:
    """Read `all`, `X-eng`, `eng-X` or `fra-eng`.

    Raises:
        UserError: another form, or a language with itself.
    """
    if text == ALL:
        return EVERY
    match = re.fullmatch(r"(\w+)-(\w+)", text)
    if not match or match[1] == match[2]:
        raise UserError(f"direction {text!r}: give {ALL}, or asking-answering such as fra-eng, {ANY}-eng or eng-{ANY}")
    return Pattern(*match.groups())


def parse_pairs(options: Sequence[str]) -> dict[str, tuple[Pattern, ...]]:
    """Read several `SET=X-eng,fra-eng`: set -> the directions wanted of it.

    Raises:
        UserError: another form, or a set or a direction given twice.
    """
    pairs: dict[str, tuple[Pattern, ...]] = {}
    for option in options:
        part, equals, patterns = option.partition("=")
        if not part or not equals:
            raise UserError(f"--retrieval_pairs {option}: give SET=DIRECTION,..., e.g. test=X-eng,fra-eng")
        parsed = tuple(parse_pattern(text) for text in patterns.split(","))
        if len(set(parsed)) < len(parsed) or part in pairs:
            raise UserError(f"--retrieval_pairs {option}: a direction or a set is given twice")
        pairs[part] = parsed
    return pairs


def matching(patterns: Sequence[Pattern], source: str, target: str) -> list[Pattern]:
    """The patterns that a direction belongs to; none = it is not scored."""
    return [pattern for pattern in patterns if pattern.matches(source, target)]
