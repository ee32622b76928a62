"""Read YAML files without the traps of YAML 1.1."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from espnet_ext.utils.errors import UserError


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
