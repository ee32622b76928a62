"""Translation of model files that earlier versions wrote."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

REMOVED_HEAD_OPTIONS = ("matryoshka",)
REMOVED_WEIGHTS = re.compile(rf"heads\.\w+\.({'|'.join(REMOVED_HEAD_OPTIONS)})\.")


def current_head(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Drop removed options from a head's declaration in model.json."""
    return {key: value for key, value in entry.items() if key not in REMOVED_HEAD_OPTIONS}


def current_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Drop weights of removed options."""
    return {name: weight for name, weight in weights.items() if not REMOVED_WEIGHTS.match(name)}
