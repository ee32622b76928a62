"""Strict configs: what does not belong there is refused with the place and what would be legal."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from espnet_ext.config.strict import bounded, build_strict, check_keys, read_yaml
from espnet_ext.errors import UserError


@dataclass(frozen=True)
class Example:
    dim: int
    rate: float = 0.5
    name: str = "a"
    flag: bool = False
    options: dict = field(default_factory=dict)
    share: float = bounded(0, 1, default=0.5)
    sizes: list[int] = field(default_factory=list)
    step: int = bounded(1, default=1)


def test_values_and_defaults_are_taken_over() -> None:
    built = build_strict(Example, {"dim": 4, "rate": 2, "options": {"x": 1}}, "here")
    assert built == Example(dim=4, rate=2, name="a", flag=False, options={"x": 1})


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"dim": 4, "flga": True}, r"^here: unknown key 'flga' \(did you mean flag\?\); legal keys: dim, flag, name"),
        ({"dim": 4, "zzzzzz": 1}, r"^here: unknown key 'zzzzzz'; legal keys: dim"),
        ({"rate": 1.0}, r"^here: missing key 'dim'; legal keys: dim, flag, name, options, rate, share, sizes, step$"),
        ({"dim": "4"}, r"^here: dim must be a int, found '4'$"),
        ({"dim": 4.0}, r"^here: dim must be a int, found 4.0$"),
        ({"dim": True}, r"^here: dim must be a int, found True$"),
        ({"dim": 4, "rate": True}, r"^here: rate must be a float, found True$"),
        ({"dim": 4, "rate": "1e-3"}, r"^here: rate must be a float, found '1e-3'$"),
        ({"dim": 4, "flag": 1}, r"^here: flag must be a bool, found 1$"),
        ({"dim": 4, "name": None}, r"^here: name must be a str, found None$"),
        ({"dim": 4, "share": 1}, r"^here: share must be at least 0 and below 1, found 1$"),
        ({"dim": 4, "share": float("nan")}, r"^here: share must be at least 0 and below 1, found nan$"),
        ({"dim": 4, "step": 0}, r"^here: step must be at least 1, found 0$"),
        ({"dim": 4, "sizes": [2, True]}, r"^here: sizes must list values of type int, found \[2, True\]$"),
        ([1], r"^here: expected keys .*, found \[1\]$"),
        (None, r"^here: expected keys .*, found None$"),
    ],
)
def test_what_does_not_fit_is_named(mapping: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_strict(Example, mapping, "here")


def test_every_legal_key_may_be_absent_unless_required() -> None:
    check_keys({}, {"a", "b"}, set(), "here")
    with pytest.raises(UserError, match="missing key 'b'"):
        check_keys({"a": 1}, {"a", "b"}, {"b"}, "here")


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


def test_what_is_merged_in_may_be_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n")
    assert read_yaml(tmp_path / "a.yaml")["b"] == {"x": 1, "y": 3}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none.yaml: no such config file"):
        read_yaml(tmp_path / "none.yaml")
