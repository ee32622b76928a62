"""Turn a YAML mapping into a dataclass and refuse what does not belong there."""

import dataclasses
import difflib
import inspect
import math
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

import yaml

from espnet_ext.errors import UserError

# Types that stand for each other as defaults of parameters, and what they are called.
VALUE_KINDS = {(bool,): "true or false", (int, float): "a number", (str,): "text", (list, tuple): "a list"}


class StrictLoader(yaml.SafeLoader):
    """PyYAML's safe loader, without two of its traps.

    It would silently keep the last of several equal keys, and read `1e-3` as text, because YAML 1.1 requires a dot
    in a number with an exponent.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        # Before merge keys (`<<`) are resolved: what they bring may be written over.
        scalars = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for index, key in enumerate(scalars):
            if key.value in [earlier.value for earlier in scalars[:index]]:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} comes twice", key.start_mark)
        return super().construct_mapping(node, deep)


StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping; UserError names the file (and line) when it is missing, broken or no mapping."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), StrictLoader)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such config file") from error
    # Its constructors of numbers and dates raise errors of their own.
    except (yaml.YAMLError, ValueError, AttributeError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise UserError(f"{path}: not valid YAML: {reason}") from error
    if not isinstance(content, Mapping):
        raise UserError(f"{path}: expected `key: value` lines, found {type(content).__name__}")
    return dict(content)


def check_keys(mapping: Any, legal: set[str], required: set[str], where: str) -> None:
    """Refuse a misspelt or missing key of one mapping.

    Raises:
        UserError: names `where`, the wrong key with its nearest legal one, and all the legal keys.
    """
    if not isinstance(mapping, Mapping):
        raise UserError(f"{where}: expected keys {sorted(legal)}, found {mapping!r}")
    names = ", ".join(sorted(legal)) or "none"
    for key in mapping:
        if key not in legal:
            near = difflib.get_close_matches(str(key), legal, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise UserError(f"{where}: unknown key {key!r}{hint}; legal keys: {names}")
    if missing := sorted(required - set(mapping)):
        raise UserError(f"{where}: missing key {missing[0]!r}; legal keys: {names}")


def bounded(low: float, high: float = math.inf, default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field for a number from `low` to below `high`."""
    return dataclasses.field(default=default, metadata={"bounds": (low, high)})


def positive(default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field for a number above 0."""
    return bounded(math.ulp(0.0), default=default)


def build_strict[T](cls: type[T], mapping: Any, where: str) -> T:
    """Build dataclass `cls` from a mapping whose keys are exactly its fields.

    Raises:
        UserError: a wrong key, a value of another type, or a number out of the bounds of its field.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}
    required = {
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    check_keys(mapping, set(fields), required, where)
    for key, value in mapping.items():
        _check_value(fields[key], value, f"{where}: {key}")
    return cls(**mapping)


def _check_value(declared: dataclasses.Field, value: Any, where: str) -> None:
    # Of `str | None`, a file gives the first; dict[str, Any] is a dict.
    kind = get_args(declared.type)[0] if isinstance(declared.type, UnionType) else declared.type
    expected = get_origin(kind) or kind
    if isinstance(expected, type) and not _is_a(value, expected):
        raise UserError(f"{where} must be a {expected.__name__}, found {value!r}")
    item_kind = (get_args(kind) or (Any,))[-1]
    if expected in (list, dict) and item_kind is not Any:
        items = value.values() if expected is dict else value
        if not all(_is_a(item, item_kind) for item in items):
            raise UserError(f"{where} must have values of type {item_kind.__name__}, found {value!r}")
    low, high = declared.metadata.get("bounds", (None, None))
    if low is not None and not low <= value < high:
        at_least = "above 0" if low == math.ulp(0.0) else f"at least {low:g}"
        below = f" and below {high:g}" if high < math.inf else ""
        raise UserError(f"{where} must be {at_least}{below}, found {value!r}")


def _is_a(value: Any, kind: type) -> bool:
    """Whether a value of a file has a type; a whole number is a float, too, but `true` is not a number."""
    return type(value) is kind or (kind is float and type(value) is int)


def check_arguments(
    function: Callable, given: Any, where: str, skip: Collection[str] = (), required: bool = True
) -> None:
    """Check a mapping that is to become the keyword arguments of a function or class.

    A parameter whose default is a number, text, a flag or a list takes no other type.

    Args:
        function: its signature has the legal keys.
        given: keys and values of a file.
        where: names the mapping in messages.
        skip: parameters that do not come from the file.
        required: whether a parameter without a default must be given.

    Raises:
        UserError: a wrong or missing key, or a value of another type.
    """
    parameters = {name: p for name, p in inspect.signature(function).parameters.items() if name not in skip}
    needed = {name for name, parameter in parameters.items() if parameter.default is parameter.empty}
    check_keys(given, set(parameters), needed if required else set(), where)
    for key, value in given.items():
        default = parameters[key].default
        if parameters[key].annotation in (int, "int") and type(value) is not int:
            raise UserError(f"{where}: {key} must be a whole number, found {value!r}")
        for kinds, name in VALUE_KINDS.items():
            if type(default) in kinds and type(value) not in kinds:
                raise UserError(f"{where}: {key} must be {name}, found {value!r}")
