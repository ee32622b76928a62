"""Validation of configuration files with pydantic, and its errors as one line."""

import difflib
import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from espnet_ext.utils.errors import UserError

# Type of a parameter's default -> type of its values in a file.
ARGUMENT_TYPES: dict[type, Any] = {bool: bool, str: str}
ARGUMENT_TYPES |= dict.fromkeys((list, tuple), Annotated[tuple[Any, ...], Field(strict=False)])


class StrictModel(BaseModel):
    """Base class of configurations: no unknown key, no converted value except a whole number for a float."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, validate_by_name=True, serialize_by_alias=False
    )


def as_list(value: Any) -> Any:
    """A list as it is, and any other value as a list of one item."""
    return value if isinstance(value, list | tuple) else [value]


def validate[Model: BaseModel](model: type[Model], content: Any, where: str | Path, by_name: bool = False) -> Model:
    """Build a configuration from the content of a file.

    Args:
        model: class of the configuration.
        content: mapping of keys to values.
        where: the file and the place in it, for messages.
        by_name: the keys are the names of the attributes, not their aliases.

    Raises:
        UserError: the first error with its place, the nearest legal name and the legal names or values.
    """
    try:
        return model.model_validate(content, by_alias=not by_name, by_name=by_name)
    except ValidationError as error:
        raise UserError(f"{where}: {first_error(error, model)}") from error


def check_name(name: Any, legal: Collection[str], where: str) -> None:
    """Raise UserError if a name is not a legal one; the message contains the nearest one and all of them."""
    if name not in list(legal):
        raise UserError(f"{where}: unknown {name!r}{_nearest(name, legal)}; legal: {', '.join(legal)}")


def check_arguments(
    function: Callable,
    given: Any,
    where: str,
    skip: Collection[str] = (),
    required: bool = True,
    integer: Any = int,
    number: Any = float,
    special: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Check the keyword arguments of a function or class.

    A parameter whose default is a number, text, a flag or a list takes no other type.

    Args:
        function: its parameters are the legal keys.
        given: keys and values of a file.
        where: the place in the file, for messages.
        skip: parameters that the file does not set.
        required: whether the file must set each parameter that has no default.
        integer: type of the values of parameters that are annotated with `int`.
        number: type of the values of parameters whose default is a number.
        special: parameter -> type of its values, instead of the type that its default gives.

    Raises:
        UserError: a wrong or missing key, or a value of another type.
    """
    fields: dict[str, Any] = {}
    kinds = ARGUMENT_TYPES | {int: number, float: number}
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in skip:
            needed = required and parameter.default is parameter.empty
            is_int = parameter.annotation in (int, "int")
            kind = integer if is_int else kinds.get(type(parameter.default), Any)
            fields[name] = (special.get(name, kind), ... if needed else None)
    validate(create_model(function.__name__, __base__=StrictModel, **fields), given, where)


def first_error(error: ValidationError, model: type[BaseModel]) -> str:
    """Describe the first error in one line: place, error, legal names or values.

    Args:
        error: raised by the validation of `model`.
        model: class of the outermost configuration.
    """
    # A misspelled key is also a missing one: report the misspelling.
    details = min(error.errors(include_url=False), key=lambda each: each["type"] != "extra_forbidden")
    keys, siblings, types = _locate(model, details["loc"])
    match details["type"]:
        case "model_type" | "model_attributes_type":
            return f"{_path(keys)}expected keys {_key_names(types)}, found {details['input']!r}"
        case "extra_forbidden" | "invalid_key":
            near = _nearest(keys[-1], [key for kind in siblings for key in _fields(kind)])
            return f"{_path(keys[:-1])}unknown key {keys[-1]!r}{near}; legal keys: {_key_names(siblings)}"
        case "missing" if isinstance(keys[-1], int):
            return f"{_path(keys[:-1])}too few items, found {details['input']!r}"
        case "missing":
            return f"{_path(keys[:-1])}missing key {keys[-1]!r}; legal keys: {_key_names(siblings)}"
        case "value_error":
            return f"{_path(keys)}{details['ctx']['error']}"
    # "Input should be ..." or "List should have ...". YAML has no tuples.
    message = re.sub(r"^\w+ should", "must", details["msg"]).replace("valid tuple", "valid list")
    legal = re.findall("'([^']*)'", details.get("ctx", {}).get("expected", ""))
    place = f"{_path(keys[:-1])}{keys[-1]} " if keys and isinstance(keys[-1], str) else _path(keys)
    return f"{place}{message}, found {details['input']!r}{_nearest(details['input'], legal)}"


def _locate(model: type[BaseModel], location: Sequence[str | int]) -> tuple[list[str | int], list[Any], list[Any]]:
    """Keys of an error's place, types of the value that has the last key, and types of that key's value."""
    keys: list[str | int] = []
    siblings, types = [], [model]
    for part in location:
        is_tag = any(_fields(kind) and part == kind.__name__ for kind in types)
        if not is_tag and part != "[key]":
            keys.append(part)
            siblings, types = types, [inner for kind in types for inner in _value_types(kind, part)]
    return keys, siblings, types


def _value_types(kind: Any, key: str | int) -> Iterator[Any]:
    """Types of the value that a key or index has in a value of type `kind`."""
    for annotation in [_fields(kind).get(str(key))] if _fields(kind) else get_args(kind):
        yield from _options(annotation)


def _options(annotation: Any) -> Iterator[Any]:
    """Types that an annotation allows."""
    if get_origin(annotation) not in (Annotated, Union, UnionType):
        yield annotation
        return
    for argument in get_args(annotation):
        yield from _options(argument)


def _fields(kind: Any) -> dict[str, Any]:
    """Key of a file -> type of its value; empty for a type that is not a configuration."""
    return {field.alias or name: field.annotation for name, field in getattr(kind, "model_fields", {}).items()}


def _key_names(types: Sequence[Any]) -> str:
    """All legal keys; those of alternative configurations are separated by `or`."""
    return "; or ".join(", ".join(sorted(keys)) for kind in types if (keys := _fields(kind))) or "none"


def _path(keys: Sequence[str | int]) -> str:
    """Keys as `a.b[0]: `; empty without keys."""
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return f"{path.removeprefix('.')}: " if keys else ""


def _nearest(name: Any, legal: Collection[str]) -> str:
    near = [other for other in difflib.get_close_matches(str(name), legal, n=2) if other != name]
    return f" (did you mean {near[0]}?)" if near else ""
