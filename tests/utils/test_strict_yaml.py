"""YAML files: the error of a broken file names its line, and numbers with an exponent are numbers."""

from pathlib import Path

import pytest

from espnet_ext.utils.errors import UserError
from espnet_ext.utils.strict_yaml import read_yaml


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1", "not valid YAML: .*line 1"),
        (b"a: \xff\xfe", "not valid YAML"),
        (b"a: b: c", "not valid YAML"),
        (b"a: " + b"[" * 5000, "not valid YAML: nested too deeply"),
        (b"a: !!int x", "not valid YAML: invalid literal"),
        (b"a: 2001-99-99", "not valid YAML: month must be"),
        (b"!!timestamp a: 1", "not valid YAML"),
        (b"a: 1\nb: {c: 1, c: 2}", "not valid YAML: 'c' comes twice .*line 2, column 11"),
        (b"- 1\n- 2\n", "expected `key: value` lines, found list"),
        (b"", "expected `key: value` lines, found NoneType"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "with space.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_yaml(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_merged_keys_can_be_overridden(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n")
    assert read_yaml(tmp_path / "a.yaml")["b"] == {"x": 1, "y": 3}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none.yaml: no such config file"):
        read_yaml(tmp_path / "none.yaml")


@pytest.mark.parametrize("text", ["1e-3", "+1E-3", "1.e-3", "1.0e-3", ".1e-2", "10e-4"])
def test_a_number_with_an_exponent_is_a_number(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(f"lr: {text}\nconf: {{lr: {text}}}\nlist: [{text}]\nfolder: e-3\nname: 1e-3x\n")
    read = {"lr": 1e-3, "conf": {"lr": 1e-3}, "list": [1e-3], "folder": "e-3", "name": "1e-3x"}
    assert read_yaml(tmp_path / "a.yaml") == read
