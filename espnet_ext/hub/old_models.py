"""Translation of model files that earlier versions wrote; only the functions that read such files use it."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from espnet_ext.utt.objective import RENAMED_OPTIONS

# Removed options of a head; their weights have the same name.
REMOVED_HEAD_OPTIONS = ("matryoshka",)
REMOVED_WEIGHTS = re.compile(rf"heads\.\w+\.({'|'.join(REMOVED_HEAD_OPTIONS)})\.")


def current_attribute(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Drop removed options from an attribute's declaration in model.json, and rename renamed ones."""
    head = {key: value for key, value in entry["head"].items() if key not in REMOVED_HEAD_OPTIONS}
    objectives = [
        term | {"options": {RENAMED_OPTIONS.get(key, key): value for key, value in term["options"].items()}}
        for term in entry["objectives"]
    ]
    return dict(entry) | {"head": head, "objectives": objectives}


def current_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Drop weights of removed options."""
    return {name: weight for name, weight in weights.items() if not REMOVED_WEIGHTS.match(name)}
