"""Weights from files into modules, strictly."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from espnet_ext.utils.errors import UserError


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Content of a safetensors file; UserError when it is missing or damaged."""
    try:
        return load_file(path)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except SafetensorError as error:
        raise UserError(
            f"{path}: damaged weights file ({error}); delete it and download or retrain the model"
        ) from error


def fill_strictly(module: torch.nn.Module, weights: dict[str, torch.Tensor], where: Path) -> None:
    """Fill a module.

    Raises:
        UserError: naming the file and the first weight that is missing, left over, of another shape or not finite;
            or all weights are zero.
    """
    expected = module.state_dict()
    problems = [
        *(f"{name} is missing" for name in sorted(expected.keys() - weights.keys())),
        *(f"{name} is unknown" for name in sorted(weights.keys() - expected.keys())),
        *(
            f"{name} has shape {tuple(weights[name].shape)}, not {tuple(expected[name].shape)}"
            for name in sorted(expected.keys() & weights.keys())
            if weights[name].shape != expected[name].shape
        ),
    ]
    if problems:
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise UserError(f"{where}: weights of another model: {problems[0]}{more}; check the config it was trained with")
    check_weights(weights, where)
    module.load_state_dict(weights)


def check_weights(weights: dict[str, torch.Tensor], where: Path) -> None:
    """Refuse (UserError) weights that no training yields: one that is not finite, or zeros only."""
    floats = {name: tensor for name, tensor in weights.items() if tensor.is_floating_point()}
    if broken := [name for name, tensor in floats.items() if not tensor.isfinite().all()]:
        more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        raise UserError(f"{where}: {broken[0]}{more}: a weight is not a finite number; download or retrain the model")
    if floats and not any(tensor.any() for tensor in floats.values()):
        raise UserError(f"{where}: all weights are zero; download or retrain the model")
