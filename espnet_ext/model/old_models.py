"""Translation of model files that earlier versions wrote; only the functions that read such files use it."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from espnet_ext.model.objective import RENAMED_OPTIONS

# Removed options of a head; their weights have the same name.
REMOVED_HEAD_OPTIONS = ("matryoshka",)
REMOVED_WEIGHTS = re.compile(rf"heads\.\w+\.({'|'.join(REMOVED_HEAD_OPTIONS)})\.")


def current_attribute(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Drop removed options from an attribute's declaration in model.json, and rename renamed ones."""
    current = dict(entry)
    if "head" in entry:
        current["head"] = {key: value for key, value in entry["head"].items() if key not in REMOVED_HEAD_OPTIONS}
    if "objectives" in entry:
        current["objectives"] = [term | {"options": _renamed(term["options"])} for term in entry["objectives"]]
    return current


def _renamed(options: Mapping[str, Any]) -> dict[str, Any]:
    return {RENAMED_OPTIONS.get(key, key): value for key, value in options.items()}


def current_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Drop weights of removed options."""
    return {name: weight for name, weight in weights.items() if not REMOVED_WEIGHTS.match(name)}
