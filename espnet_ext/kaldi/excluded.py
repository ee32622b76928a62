"""Utterances excluded by rule: counted, listed with the reason, and an error if there are too many."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from espnet_ext.utils.atomic import write_text_atomic
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.printable import printable


class ExcludedUtterance(NamedTuple):
    utterance: str
    path: str
    reason: str


class Exclusions:
    """Utterances that a parser or a dump excludes."""

    def __init__(self) -> None:
        self.entries: list[ExcludedUtterance] = []

    def add(self, utterance: str, path: str | Path, reason: str) -> None:
        """Add one utterance; `reason` is one of a few fixed phrases, so that it can be counted."""
        self.entries.append(ExcludedUtterance(utterance, str(path), reason))

    def counts(self) -> dict[str, int]:
        """Reason -> number of utterances, most frequent first."""
        counter = Counter(entry.reason for entry in self.entries)
        return dict(sorted(counter.items(), key=lambda item: (-item[1], item[0])))

    def summary(self) -> str:
        """For instance `57 left out: 43 no transcript, 14 shorter than 0.4 s`."""
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.counts().items())
        return f"{len(self.entries)} left out" + (f": {reasons}" if reasons else "")

    def check_share(self, total: int, limit: float, where: str | Path, advice: str = "check the corpus") -> None:
        """Refuse a corpus with too many exclusions: it is the wrong corpus or a broken one.

        Args:
            total: number of utterances, excluded ones included.
            limit: largest share (0 to 1) that may be excluded.
            advice: how to fix it, for the message.

        Raises:
            UserError: naming `where`, the reasons and one of the files.
        """
        if len(self.entries) > limit * total:
            raise UserError(
                f"{where}: {len(self.entries)} of {total} utterances left out, more than {limit:.0%} "
                f"({self.summary()}; for instance {self.entries[0].path}); {advice}"
            )

    def write(self, path: str | Path) -> None:
        """Write `utterance, path, reason` as a tab-separated table with a header, sorted."""
        rows = ["\t".join(map(printable, entry)) for entry in sorted(self.entries)]
        write_text_atomic(path, "\n".join(["utterance\tpath\treason", *rows]) + "\n")
