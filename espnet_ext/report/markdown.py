"""Tables as Markdown, aligned so that they also read well as plain text."""

from collections.abc import Sequence
from dataclasses import dataclass

from espnet_ext.printable import printable


@dataclass(frozen=True)
class Table:
    """A titled table; `caption` says what its numbers rest on.

    The first `names` columns hold names, to the left, the others numbers, to the right.
    """

    title: str
    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    names: int = 1


def render_grid(table: Table) -> str:
    """Header and rows only, columns padded to equal width; what would break a row is escaped."""
    lines = [[printable(cell).replace("|", r"\|") for cell in line] for line in (table.header, *table.rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.header))]
    left = widths[: table.names]
    rule = ["-" * width for width in left] + ["-" * (width - 1) + ":" for width in widths[table.names :]]
    padded = [
        [cell.ljust(width) for cell, width in zip(line, left, strict=False)]
        + [cell.rjust(width) for cell, width in zip(line[table.names :], widths[table.names :], strict=True)]
        for line in lines
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (padded[0], rule, *padded[1:]))


def render(table: Table) -> str:
    """A section: heading, caption, grid."""
    return f"## {printable(table.title)}\n\n{printable(table.caption)}\n\n{render_grid(table)}\n"
