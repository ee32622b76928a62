"""A set that is gathered part by part (languages, pairs of languages), each counted against what is published."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from espnet_ext.data.corpora.prepared_set import PreparedSet
from espnet_ext.data.corpora.published_counts import check_counts, num_there, part_counts, unknown_counts
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance


class Published(NamedTuple):
    """How many of a unit (`clips`) each part of a split of a corpus has by those who published it."""

    corpus: str
    split: str
    unit: str
    counts: Mapping[str, int]


def add_parts(
    prepared: PreparedSet,
    parts: Iterable[str],
    parse: Callable[[str, Exclusions], list[Utterance]],
    published: Published,
    allow_incomplete: bool,
    is_counted: Callable[[Utterance], bool] = lambda utterance: True,
) -> None:
    """Add the utterances of each part to a set, with its counts and a note on each that is not the published one.

    Args:
        parse: reads a part; what it leaves out goes to its second argument.
        is_counted: whether an utterance is among those that were counted for publication.

    Raises:
        UserError: of `parse`; or listing parts with less than published, unless `allow_incomplete`.
    """
    found: dict[str, int] = {}
    for part in parts:
        lost = Exclusions()
        utterances = parse(part, lost)
        found[part] = num_there(sum(map(is_counted, utterances)), lost)
        prepared.utterances += utterances
        prepared.excluded.entries += lost.entries
    corpus, split, unit, counts = published
    prepared.counts += part_counts(corpus, split, unit, found, counts)
    prepared.notes += check_counts(prepared.counts, allow_incomplete)
    prepared.notes += unknown_counts(corpus, split, unit, found, counts)
