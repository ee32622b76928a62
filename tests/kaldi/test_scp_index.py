"""Lines looked up on disk equal those of the whole file."""

from pathlib import Path

import numpy as np
import pytest

from espnet_ext.kaldi.scp import ScpIndex, read_scp, write_scp
from espnet_ext.utils.errors import UserError


@pytest.mark.parametrize("count", [1, 2, 3, 100, 1000])
def test_every_line_is_found(tmp_path: Path, count: int) -> None:
    random = np.random.default_rng(count)
    names = {"".join(random.choice(list("abé-0漢"), size=random.integers(1, 8))) for _ in range(count)}
    write_scp(tmp_path / "a.scp", {name: f"/some folder/{name}.ark:{len(name)}" for name in names})
    expected, found = read_scp(tmp_path / "a.scp"), ScpIndex(tmp_path / "a.scp")
    assert len(found) == len(expected)
    assert list(found) == list(expected)
    assert {name: found[name] for name in names} == expected
    for absent in ("", "a ", "zz", "漢漢漢漢漢漢漢漢漢"):
        assert absent not in found
        with pytest.raises(KeyError):
            found[absent]


@pytest.mark.parametrize(
    ("content", "expected"), [(b"", {}), (b"a 1\nb 2", {"a": "1", "b": "2"}), (b"a 1", {"a": "1"})]
)
def test_empty_files_and_files_without_a_last_newline_are_read(tmp_path: Path, content: bytes, expected: dict) -> None:
    (tmp_path / "a.scp").write_bytes(content)
    assert dict(ScpIndex(tmp_path / "a.scp")) == expected == read_scp(tmp_path / "a.scp")


def test_a_damaged_file_is_refused_on_opening(tmp_path: Path) -> None:
    (tmp_path / "a.scp").write_bytes(b"b 1\na 2\n")
    with pytest.raises(UserError, match="a.scp:2: 'a' is out of order"):
        ScpIndex(tmp_path / "a.scp")
