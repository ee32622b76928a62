"""Weights of a pretrained encoder from the checkpoints in hub folders."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from espnet_ext.utils.errors import UserError

if TYPE_CHECKING:  # names of files are needed without torch, whose import takes seconds
    from torch import Tensor

WEIGHTS = "model.safetensors"
INDEX = f"{WEIGHTS}.index.json"
# Weights in an encoder's checkpoint outside its layers: the mask of training input, modules after the last layer.
OUTSIDE_THE_LAYERS = {"masked_spec_embed", "adapter", "intermediate_ffn"}
# torch wrote the parts of a weight norm under other names before version 2.
WEIGHT_NORM = {
    ".weight_g": ".parametrizations.weight.original0",
    ".weight_v": ".parametrizations.weight.original1",
}


def weight_files(folder: Path) -> list[Path]:
    """The checkpoint's safetensors: one file, or the shards that its index names.

    Raises:
        UserError: an index that is damaged; whether the files exist is not checked.
    """
    if (folder / WEIGHTS).exists() or not (folder / INDEX).exists():
        return [folder / WEIGHTS]
    try:
        shards = json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values()
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise UserError(f"{folder / INDEX}: not an index of weights; delete it and download it again") from error
    return [folder / name for name in sorted(set(shards))]


def read_encoder_weights(folder: Path, expected: Collection[str], prefixes: Sequence[str]) -> dict[str, Tensor]:
    """Read an encoder's weights from the checkpoint of the encoder, or of a model around it.

    Weights of a decoder, a head or a quantizer are skipped, and one log line lists them.

    Args:
        folder: of the checkpoint.
        expected: the encoder's own names of its weights.
        prefixes: possible prefixes of these names.

    Returns:
        Weights by the encoder's names; whether these are all, and of the right shape, is not checked.

    Raises:
        UserError: a file is missing or damaged.
    """
    # Imported late, see TYPE_CHECKING above. Tensors are mapped, not read, until they are used.
    from espnet_ext.model.weights import read_weights

    weights = {name: weight for path in weight_files(folder) for name, weight in read_weights(path).items()}
    names = encoder_names(weights, expected, prefixes)
    if excluded := _parts(weights.keys() - names.keys(), names):
        logging.info(f"{folder}: skipped weights outside the encoder's layers: {', '.join(excluded)}")
    return {own: weights[name] for name, own in names.items()}


def encoder_names(names: Iterable[str], expected: Collection[str], prefixes: Sequence[str]) -> dict[str, str]:
    """A checkpoint's names of an encoder's weights -> the encoder's own.

    Of the prefixes and none at all, the one counts under which most expected names are found.
    """

    def under(prefix: str) -> dict[str, str]:
        return {name: _modern(name[len(prefix) :], expected) for name in names if name.startswith(prefix)}

    names = list(names)
    found = max(map(under, ["", *prefixes]), key=lambda own: len(set(own.values()) & set(expected)))
    return {name: own for name, own in found.items() if own in expected or own.split(".")[0] not in OUTSIDE_THE_LAYERS}


def _modern(name: str, expected: Collection[str]) -> str:
    for old, new in WEIGHT_NORM.items():
        if name.endswith(old) and name.removesuffix(old) + new in expected:
            return name.removesuffix(old) + new
    return name


def _parts(excluded: Iterable[str], kept: Iterable[str]) -> list[str]:
    """The parts of a model that weights belong to: outermost names, the next ones too where the encoder is inside."""
    around = {name.split(".")[0] for name in kept}
    pieces = [name.split(".") for name in excluded]
    return sorted({".".join(piece[: 2 if piece[0] in around else 1]) for piece in pieces})
