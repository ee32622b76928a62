"""Tables as Markdown, aligned so that they also read well as plain text."""

from collections.abc import Sequence
from dataclasses import dataclass

from tabulate import tabulate

from espnet_ext.utils.printable import printable


@dataclass(frozen=True)
class Table:
    """A titled table; `caption` explains its numbers.

    The first `names` columns contain names and are aligned to the left, the others contain numbers.
    """

    title: str
    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    names: int = 1


def render_grid(table: Table) -> str:
    """Header and rows only; characters that would break a row are escaped."""
    header, *rows = ([printable(cell).replace("|", r"\|") for cell in line] for line in (table.header, *table.rows))
    sides = ["left" if i < table.names else "right" for i in range(len(header))]
    return tabulate(
        rows, header, tablefmt="pipe", colalign=sides if rows else None, disable_numparse=True, preserve_whitespace=True
    )


def render(table: Table) -> str:
    """A section: heading, caption, grid."""
    return f"## {printable(table.title)}\n\n{printable(table.caption)}\n\n{render_grid(table)}\n"
