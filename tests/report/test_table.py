"""Tables with any names in them are valid Markdown."""

import re

import numpy as np
import pytest

from espnet_ext.report.table import Table
from espnet_ext.search.query import Match, QueryTerm, as_table

NAMES = ["line\nfeed", "a|b", "\x1b[31mred\x1b[0m", "tab\tin", "\x9b1m", "\u202egpj.wav", "\u2028", "caf\udce9", "\r"]
SHOWN = [
    r"line\nfeed", r"a\|b", r"\x1b[31mred\x1b[0m", r"tab\tin", r"\x9b1m", r"\u202egpj.wav", r"\u2028", r"caf\udce9",
    r"\r",
]  # fmt: skip


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


@pytest.mark.parametrize(("name", "shown"), list(zip(NAMES, SHOWN, strict=True)))
def test_a_name_is_escaped_in_its_cell(name: str, shown: str) -> None:
    table = Table(f"T {name}", f"About {name}.", ["system", name], [[name, "1"], ["plain", "23"]])
    header, rule, first, second = table.grid().split("\n")
    assert cells(header) == ["system", shown]
    assert cells(first) == [shown, "1"] and cells(second) == ["plain", "23"]
    assert len(header) == len(rule) == len(first) == len(second)
    heading, _, caption, *_ = table.section().split("\n")
    assert heading == f"## T {shown}".replace(r"\|", "|") and caption == f"About {shown}.".replace(r"\|", "|")


def test_other_scripts_are_not_escaped() -> None:
    names = ["हिन्दी", "ไทย", "中文", "عربي", "می\u200cخواهم", "👩\u200d🚀", "é e\u0301", "\u00a0"]
    grid = Table("", "", ["name"], [[name] for name in names]).grid()
    assert all(name in grid for name in names)


def test_a_query_shows_names_escaped() -> None:
    terms = [QueryTerm("spk", "my\nvoice|\x1b.wav", 1.0, np.ones(2))]
    found = [Match("a\nb|c", "/r/\x1b[2Ja.wav", 0.5, (0.5,))]
    legend, empty, _, _, row = as_table(terms, found).split("\n")
    assert legend == r"+1 spk: my\nvoice|\x1b.wav" and empty == ""
    assert cells(row) == [r"a\nb\|c", r"/r/\x1b[2Ja.wav", "1", "0.500", "0.500"]
