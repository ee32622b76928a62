"""Check the configuration of a training with the classes that it configures, before any data is needed."""

import argparse
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn
from unittest.mock import patch

import torch
import yaml
from espnet2.tasks.abs_task import optim_classes, scheduler_classes
from torch import nn

from espnet_ext.config.attributes import AttributeConfig
from espnet_ext.config.labels import LabelSpace
from espnet_ext.config.training import check_criteria, check_training
from espnet_ext.model.attribute_loss import AttributeLoss
from espnet_ext.model.head.attribute_head import AttributeHead
from espnet_ext.model.precision import AUTO, resolve_autocast
from espnet_ext.tasks.espnet_model import ESPnetUttModel
from espnet_ext.tasks.utt import UttTask
from espnet_ext.training.schedulers import set_total_steps
from espnet_ext.training.start import check_start
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.strict_yaml import StrictLoader, read_yaml

LOGGERS = {"use_tensorboard": "tensorboard", "use_wandb": "wandb"}


def parse_config(config: Path, words: Sequence[str]) -> argparse.Namespace:
    """Read a training config and further options of the command line as options of the task.

    Raises:
        UserError: an unknown option or a value of another type, with the config file.
    """
    read_yaml(config)  # ESPnet's reader has a traceback for a file that is not YAML
    parser = UttTask.get_parser()

    def raise_error(message: str) -> NoReturn:
        raise UserError(f"{config}: {message}; see --help")

    parser.error = raise_error
    try:
        # ESPnet's reader of the file and of options such as `--optim_conf lr=1e-3`.
        with patch.object(yaml, "SafeLoader", StrictLoader):
            return parser.parse_args(["--config", str(config), *words])
    except (yaml.YAMLError, argparse.ArgumentTypeError) as error:
        raise_error(f"{' '.join(words)}: {' '.join(str(error).split())}")


def check_config(args: argparse.Namespace, attributes: Mapping[str, AttributeConfig]) -> None:
    """Check a training config and the declarations of the attributes that it trains, and set what follows from it.

    Args:
        args: options of the task; the lengths of schedules are added.
        attributes: declarations of the run's attributes; labeled attributes with their label spaces.

    Raises:
        UserError: a value that a head, an objective, the model, an optimizer or a scheduler rejects, a statistic that
            the training does not have, a logger that is not installed, or options that contradict one another; names
            the file.
    """
    optimizers = dict.fromkeys(("optim", "optim2"), optim_classes)
    check_training(args, optimizers | dict.fromkeys(("scheduler", "scheduler2"), scheduler_classes))
    _check_loggers(args)
    set_total_steps(args)
    for number in ("", "2"):
        _try_optimizer(args, number)
    model = _build_model(args, attributes)
    check_criteria(args, ["loss", *(f"loss_{name}" for name in attributes), *model.metrics().values()])
    check_start(args, attributes)


def _check_loggers(args: argparse.Namespace) -> None:
    """Check that the package of each logger is installed, which ESPnet imports when the training starts."""
    for option, package in LOGGERS.items():
        if getattr(args, option) and find_spec(package) is None:
            raise UserError(
                f"{args.config}: {option} requires the package {package}, which is not installed: "
                f"run `tools/venv/bin/python -m pip install {package}`, or give --{option} false"
            )


def _build_model(args: argparse.Namespace, attributes: Mapping[str, AttributeConfig]) -> ESPnetUttModel:
    """The model of a run without its encoder, and without memory for its parameters."""
    num_layers = 1 + max(attribute.head.first_layer for attribute in attributes.values())
    # A head that starts as the identity has the size of the encoder, which is not available here.
    plain = {
        name: attribute.model_copy(update={"head": attribute.head.model_copy(update={"identity_init": False})})
        for name, attribute in attributes.items()
    }
    with torch.device("meta"):
        for name, attribute in plain.items():
            try:
                AttributeHead(attribute.head, num_layers, input_dim=1)
                AttributeLoss(attribute)
            except UserError as error:
                raise UserError(f"{args.attributes}: {name}: {error}") from error
        try:
            options = {"autocast": resolve_autocast(args.model_conf.get("autocast", AUTO), "cpu")}
            encoder: Any = SimpleNamespace(num_layers=num_layers, dim=1)  # a model reads only its sizes
            return ESPnetUttModel(encoder, plain, **args.model_conf | options)
        except UserError as error:
            raise UserError(f"{args.config}: {error}") from error


def _try_optimizer(args: argparse.Namespace, number: str) -> None:
    """Build an optimizer and its scheduler; their own checks cover what depends on several values."""
    optimizer, scheduler = getattr(args, f"optim{number}"), getattr(args, f"scheduler{number}")
    option = f"optim{number}_conf"
    try:
        built = optim_classes[optimizer]([nn.Parameter(torch.zeros(1))], **getattr(args, option))
        if scheduler is not None:
            option = f"scheduler{number}_conf"
            scheduler_classes[scheduler](built, **getattr(args, option))
    except Exception as error:  # each class has its own
        raise UserError(f"{args.config}: {option}: {error}") from error


def check_recipe(
    attributes: Mapping[str, AttributeConfig],
    where: Path,
    systems: Sequence[Sequence[str]],
    configs: Sequence[Path],
    words: Sequence[str],
) -> None:
    """Check every phase of every system before there are data.

    Args:
        attributes: all that are declared.
        where: their file.
        systems: names of the attributes that are trained together.
        configs: of the phases.
        words: further options of the command line.

    Raises:
        UserError: see `check_config`.
    """
    # Of labels, only the kind matters here.
    known = {
        name: attribute.model_copy(update={"labels": LabelSpace(kind=attribute.target.kind, classes={"a": 1, "b": 1})})
        if attribute.target.labels
        else attribute
        for name, attribute in attributes.items()
    }
    for config in configs:
        for names in systems:
            options = ["--attributes", str(where), "--attribute_names", *names]
            check_config(parse_config(config, [*words, *options]), {name: known[name] for name in names})
