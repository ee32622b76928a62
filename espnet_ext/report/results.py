"""results.tsv: one row a figure; everything that is shown is made from it alone."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from espnet_ext.scoring.figure import Figure
from espnet_ext.utils.atomic import write_text_atomic
from espnet_ext.utils.errors import UserError

COLUMNS = ("system", "attribute", "task", "protocol", "set", "metric", "value", "low", "high", "n", "chance")
# What follows the name of a trial list in `protocol`: how it was scored, and that training saw its speakers.
AS_NORM = "-asnorm"
CONTAMINATED = "-contaminated"
# Systems that recipes score beside those they train.
TEACHER, UNTRAINED = "teacher", "untrained"
NUMBERS = ("value", "low", "high", "n", "chance")


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A figure and whose it is: the system, the attribute whose embedding was used, the task, the set."""

    system: str
    attribute: str
    task: str
    set: str
    figure: Figure

    def cells(self) -> list[str]:
        """The row in the order of COLUMNS; numbers with four decimals, empty where they do not apply."""
        figure = self.figure
        value, low, high, chance = (
            "" if number != number else f"{number:.4f}"
            for number in (figure.value, figure.low, figure.high, figure.chance)
        )
        names = [self.system, self.attribute, self.task, figure.protocol, self.set, figure.metric]
        return [*names, value, low, high, str(figure.n), chance]


def write_results(path: Path, rows: Iterable[ResultRow]) -> None:
    """Write results.tsv, whole or not at all, in the order given."""
    lines = ["\t".join(COLUMNS), *("\t".join(row.cells()) for row in rows)]
    write_text_atomic(path, "\n".join(lines) + "\n")


def read_results(path: Path) -> pd.DataFrame:
    """Read results.tsv: one row a figure, numbers as float64 and NaN where empty.

    Raises:
        UserError: no such file, other columns, a number that is none, or no rows; names the line.
    """
    try:
        frame = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as results ({error}); run the scoring stage first") from None
    if tuple(frame.columns) != COLUMNS:
        raise UserError(f"{path}:1: columns must be {' '.join(COLUMNS)}; found {' '.join(frame.columns)}")
    if frame.empty:
        raise UserError(f"{path}: holds no figures; run the scoring stage first")
    for column in NUMBERS:
        numbers = pd.to_numeric(frame[column], errors="coerce")
        broken = frame.index[numbers.isna() & (frame[column] != "")]
        if len(broken):
            line = int(broken[0])
            raise UserError(f"{path}:{line + 2}: {column} is not a number: {frame[column].iloc[line]!r}")
        frame[column] = numbers
    return frame
