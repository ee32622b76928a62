"""Strict configs: what does not belong there is refused with the place and what would be legal."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from espnet_ext.config.strict import bounded, build_strict, check_arguments, check_keys, positive, read_yaml
from espnet_ext.errors import UserError


@dataclass(frozen=True)
class Example:
    dim: int
    rate: float = 0.5
    name: str = "a"
    flag: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    share: float = bounded(0, 1, default=0.5)
    sizes: list[int] = field(default_factory=list)
    step: int = bounded(1, default=1)
    clip: float = positive(1.0)
    weights: dict[str, float] = field(default_factory=dict)


def test_values_and_defaults_are_taken_over() -> None:
    built = build_strict(Example, {"dim": 4, "rate": 2, "options": {"x": 1}}, "here")
    assert built == Example(dim=4, rate=2, name="a", flag=False, options={"x": 1})


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (
            {"dim": 4, "flga": True},
            r"^here: unknown key 'flga' \(did you mean flag\?\); legal keys: clip, dim, flag, name",
        ),
        ({"dim": 4, "zzzzzz": 1}, r"^here: unknown key 'zzzzzz'; legal keys: clip, dim"),
        (
            {"rate": 1.0},
            r"^here: missing key 'dim'; legal keys: clip, dim, flag, name, options, rate, share, sizes, step, weights$",
        ),
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
        ({"dim": 4, "sizes": [2, True]}, r"^here: sizes must have values of type int, found \[2, True\]$"),
        ({"dim": 4, "clip": 0}, r"^here: clip must be above 0, found 0$"),
        ({"dim": 4, "clip": -0.5}, r"^here: clip must be above 0, found -0.5$"),
        ({"dim": 4, "clip": float("inf")}, r"^here: clip must be above 0, found inf$"),
        ({"dim": 4, "weights": {"a": 1, "b": "2"}}, r"^here: weights must have values of type float, found {.*'2'}$"),
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


@pytest.mark.parametrize("text", ["1e-3", "+1E-3", "1.e-3", "1.0e-3", ".1e-2", "10e-4"])
def test_a_number_with_an_exponent_is_a_number(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(f"lr: {text}\nconf: {{lr: {text}}}\nlist: [{text}]\nfolder: e-3\nname: 1e-3x\n")
    read = {"lr": 1e-3, "conf": {"lr": 1e-3}, "list": [1e-3], "folder": "e-3", "name": "1e-3x"}
    assert read_yaml(tmp_path / "a.yaml") == read


def function(
    weights: list,
    rate: float = 0.1,
    count: int = 1,
    name: str = "a",
    flag: bool = False,
    betas: tuple = (1, 2),
    any=None,
) -> None:
    """Its signature is what counts."""


def test_arguments_that_fit_are_accepted() -> None:
    check_arguments(function, {"rate": 1, "count": 2, "name": "b", "betas": [3, 4], "any": "x"}, "here", ["weights"])
    check_arguments(function, {}, "here", required=False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weights": 1}, r"^here: unknown key 'weights'; legal keys: any, betas, count, flag, name, rate$"),
        ({"rat": 1}, r"^here: unknown key 'rat' \(did you mean rate\?\)"),
        ({"rate": "fast"}, "^here: rate must be a number, found 'fast'$"),
        ({"rate": None}, "^here: rate must be a number, found None$"),
        ({"count": True}, "^here: count must be a whole number, found True$"),
        ({"count": 0.5}, "^here: count must be a whole number, found 0.5$"),
        ({"name": 1}, "^here: name must be text, found 1$"),
        ({"flag": 1}, "^here: flag must be true or false, found 1$"),
        ({"betas": 1}, "^here: betas must be a list, found 1$"),
        (5, "^here: expected keys .* found 5$"),
    ],
)
def test_arguments_that_do_not_fit_are_named(given: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_arguments(function, given, "here", ["weights"])
    with pytest.raises(UserError, match="^here: missing key 'weights'"):
        check_arguments(function, {}, "here")
