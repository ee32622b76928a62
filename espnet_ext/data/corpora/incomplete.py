"""What is said of a corpus of which something is missing, and how a recipe is told to go on without it."""

from collections.abc import Sequence
from pathlib import Path

from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.utils.errors import UserError

ADVICE = "fetch and unpack the rest, or go on with what there is: --allow_incomplete true"
MAX_LISTED = 10  # parts of a corpus in a message


class IncompleteCorpusError(UserError):
    """Something of a corpus is missing; the message says how to go on without it."""


def incomplete(missing: Sequence[str]) -> IncompleteCorpusError:
    """The error of a corpus of which these parts are missing."""
    return IncompleteCorpusError(f"incomplete corpus: {listed(missing, '; ')}; {ADVICE}")


def check_lost(lost: Exclusions, total: int, max_left_out: float, where: str | Path) -> None:
    """Refuse a part of a corpus of whose recordings more than a share could not be read.

    Args:
        total: recordings that were listed.
        max_left_out: largest share (0 to 1); 1 where the user goes on with what there is.

    Raises:
        IncompleteCorpusError: naming `where`, the reasons and one of the files.
    """
    try:
        lost.check_share(total, max_left_out, where, ADVICE)
    except UserError as error:
        raise IncompleteCorpusError(str(error)) from None


def listed(names: Sequence[str], separator: str = ", ") -> str:
    """The first MAX_LISTED of some names, and how many more there are."""
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return separator.join(names[:MAX_LISTED]) + more
