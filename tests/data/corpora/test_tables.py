"""Rows of corpora's tables, read without any interpretation."""

import gzip
from pathlib import Path

import pytest

from espnet_ext.data.corpora.tables import plain_text, read_rows
from espnet_ext.utils.errors import UserError


def test_only_line_feeds_and_the_separator_split(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_bytes('\ufeffa\t"b\t\n\nc\u2028\x0b\t\r\n d \t'.encode())
    assert list(read_rows(path)) == [(1, ["a", '"b', ""]), (3, ["c\u2028\x0b", ""]), (4, [" d ", ""])]


def test_other_separators_and_gzip(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv.gz"
    path.write_bytes(gzip.compress(b"a|b\tc\n"))
    assert list(read_rows(path, "|")) == [(1, ["a", "b\tc"])]


def test_faults_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    with pytest.raises(UserError, match=r"t\.tsv: no such file"):
        list(read_rows(path))
    path.write_bytes(b"a\n\xff\n")
    with pytest.raises(UserError, match=r"t\.tsv:2: not UTF-8"):
        list(read_rows(path))
    path.write_bytes(b"\n\n")
    with pytest.raises(UserError, match=r"t\.tsv: the file is empty"):
        list(read_rows(path))


def test_plain_text_is_one_line_of_single_spaces() -> None:
    assert plain_text("  a\u00a0\u2009b\u3000\n c\u2028d ") == "a b c d"
