"""Turn a YAML mapping into a dataclass and refuse what does not belong there."""

import dataclasses
import difflib
import math
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

import yaml

from espnet_ext.errors import UserError


class _UniqueKeyLoader(yaml.SafeLoader):
    """PyYAML's safe loader, which would silently keep the last of several equal keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        # Before merge keys (`<<`) are resolved: what they bring may be written over.
        scalars = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for index, key in enumerate(scalars):
            if key.value in [earlier.value for earlier in scalars[:index]]:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} comes twice", key.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping; UserError names the file (and line) when it is missing, broken or no mapping."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)
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
    for key in mapping:
        if key not in legal:
            near = difflib.get_close_matches(str(key), legal, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise UserError(f"{where}: unknown key {key!r}{hint}; legal keys: {', '.join(sorted(legal))}")
    if missing := sorted(required - set(mapping)):
        raise UserError(f"{where}: missing key {missing[0]!r}; legal keys: {', '.join(sorted(legal))}")


def bounded(low: float, high: float = math.inf, default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field for a number from `low` to below `high`."""
    return dataclasses.field(default=default, metadata={"bounds": (low, high)})


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
    is_whole_float = expected is float and type(value) is int
    if isinstance(expected, type) and type(value) is not expected and not is_whole_float:
        raise UserError(f"{where} must be a {expected.__name__}, found {value!r}")
    if expected is list and any(type(item) is not get_args(kind)[0] for item in value):
        raise UserError(f"{where} must list values of type {get_args(kind)[0].__name__}, found {value!r}")
    low, high = declared.metadata.get("bounds", (None, None))
    if low is not None and not low <= value < high:
        below = f" and below {high:g}" if high < math.inf else ""
        raise UserError(f"{where} must be at least {low:g}{below}, found {value!r}")
