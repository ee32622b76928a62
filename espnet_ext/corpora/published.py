"""Published sizes of the corpora (published.yaml), and comparison with a copy on disk."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from espnet_ext.corpora.lengths import MISSING, incomplete, listed
from espnet_ext.kaldi.excluded import Exclusions


@cache
def _read_table() -> dict[str, Any]:
    text = Path(__file__).with_name("published.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.CSafeLoader)


def published(*keys: str) -> Any:
    """Return the entry of published.yaml below these keys; {} if there is none."""
    table = _read_table()
    for key in keys:
        table = table.get(key, {})
    return table


class Count(NamedTuple):
    """A number of something on disk and its published number."""

    what: str
    found: int
    published: int

    def __str__(self) -> str:
        return f"{self.what}: {self.found:,} here, {self.published:,} published ({self.found - self.published:+,})"


def counted(of_what: str, found: Mapping[str, int], published_numbers: Mapping[str, int]) -> list[Count]:
    """Compare numbers by unit (`speakers`); units without a published number are skipped."""
    return [
        Count(f"{of_what}: {unit}", number, published_numbers[unit])
        for unit, number in found.items()
        if unit in published_numbers
    ]


def num_on_disk(num_kept: int, excluded: Exclusions) -> int:
    """Number of recordings on disk: those excluded by a rule were published, too."""
    return num_kept + sum(entry.reason not in MISSING for entry in excluded.entries)


def check_counts(counts: Iterable[Count], allow_incomplete: bool) -> list[str]:
    """Return a line for every count that differs from the published one.

    Raises:
        IncompleteCorpusError: listing counts below the published ones, unless `allow_incomplete`.
    """
    deviations = [count for count in counts if count.found != count.published]
    fewer = [str(count) for count in deviations if count.found < count.published]
    if fewer and not allow_incomplete:
        raise incomplete(fewer)
    return [str(count) for count in deviations]


def unknown_counts(what: str, found: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return a line on the parts without a published count; none if all have one."""
    unknown = sorted(set(found) - set(known))
    return [f"no published count known for {what}: {listed(unknown)}"] if unknown else []
