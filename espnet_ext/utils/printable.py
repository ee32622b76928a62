"""Names of files and labels in messages and in Markdown tables."""

import re
from collections.abc import Sequence

# Control characters could steer a terminal or break a row, some others turn the direction of what follows, and bytes
# of file names that are not UTF-8 cannot be written.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Escape control characters as in Python: a line feed becomes a backslash and an n."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], num_names: int) -> str:
    """A Markdown table, aligned so that it also reads well as plain text; characters that break a row are escaped.

    Args:
        num_names: the first columns, which contain names, are aligned to the left; the others contain numbers.
    """
    from tabulate import tabulate  # not installed with the core package

    header, *rows = ([printable(cell).replace("|", r"\|") for cell in line] for line in (header, *rows))
    sides = ["left" if i < num_names else "right" for i in range(len(header))]
    return tabulate(
        rows, header, tablefmt="pipe", colalign=sides if rows else None, disable_numparse=True, preserve_whitespace=True
    )
