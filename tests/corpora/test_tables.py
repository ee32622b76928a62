"""Rows of corpora's tables, read without any interpretation."""

import gzip
from pathlib import Path

import pytest

from espnet_ext.corpora.fleurs_archive import collect_audio
from espnet_ext.corpora.tables import find_child, plain_text, read_rows, read_table, visible_files
from espnet_ext.utils.errors import UserError


def test_only_line_feeds_and_the_separator_split(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_bytes('\ufeffa\t"b\t\n\nc\u2028\x0b\t\r\n d \t'.encode())
    assert list(read_rows(path)) == [(1, ["a", '"b', ""]), (3, ["c\u2028\x0b", ""]), (4, [" d ", ""])]


def test_other_separators_and_gzip(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv.gz"
    path.write_bytes(gzip.compress(b"a|b\tc\n"))
    assert list(read_rows(path, "|")) == [(1, ["a", "b\tc"])]


def test_the_error_names_a_fault(tmp_path: Path) -> None:
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


def test_an_entry_of_the_exact_name_comes_first(tmp_path: Path) -> None:
    (tmp_path / "audiowav").mkdir()
    assert find_child(tmp_path, "AudioWAV") == tmp_path / "audiowav"
    (tmp_path / "AudioWAV").mkdir()
    assert find_child(tmp_path, "AudioWAV") == tmp_path / "AudioWAV"
    assert find_child(tmp_path, "absent") == tmp_path / "absent"
    assert find_child(tmp_path / "no folder", "AudioWAV") == tmp_path / "no folder/AudioWAV"


def test_macos_copies_and_other_files_are_not_listed(tmp_path: Path) -> None:
    for name in ("b.wav", "a.WAV", "._b.wav", "b.mp3"):
        (tmp_path / name).touch()
    assert visible_files(tmp_path, ".wav") == [tmp_path / "a.WAV", tmp_path / "b.wav"]
    assert visible_files(tmp_path / "absent", ".wav") == []


def test_no_corpus_lists_copies_written_by_macos(tmp_path: Path) -> None:
    for name in ("x/a.wav", "x/._a.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = collect_audio(tmp_path, {"a.wav"}, tmp_path / "unpacked")
    assert found.files == {"a.wav": tmp_path / "x/a.wav"} and found.unlisted == []


def test_a_table_is_read_by_the_names_of_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('"b",a\n"1, 2",3\n"no quoting" here,4\n')
    rows = [{"b": "1, 2", "a": "3"}, {"b": '"no quoting" here', "a": "4"}]
    assert list(read_table(path, ",", ("a",), quoted=True)) == [(f"{path}:2", rows[0]), (f"{path}:3", rows[1])]
    with pytest.raises(UserError, match=r"t\.csv:1: no column c, d in \"b\", a"):
        list(read_table(path, ",", ("c", "a", "d")))
    with pytest.raises(UserError, match=r"t\.csv:2: 3 fields, expected 2"):
        list(read_table(path, ",", ("a",)))


def test_rows_can_end_early_if_allowed(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("a\tb\tc\n1\n")
    assert list(read_table(path, "\t", ("a",), may_be_short=True)) == [(f"{path}:2", {"a": "1", "b": "", "c": ""})]
    with pytest.raises(UserError, match=r"t\.tsv:2: 1 fields, expected 3"):
        list(read_table(path, "\t", ("a",)))
