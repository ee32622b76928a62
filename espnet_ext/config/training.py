"""Check a training config before anything is built or written; ESPnet checks only the keys of the outermost level."""

import argparse
import dataclasses
import inspect
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from espnet_ext.config.strict import bounded, build_strict, check_arguments, check_keys, positive
from espnet_ext.errors import UserError

# Options of optimizers and schedulers that must be above 0; other numbers may be 0.
POSITIVE = ("max_lr", "total_steps", "warmup_steps")
# torch's marker of a schedule that has not begun is -1.
SIGNED = ("last_epoch",)


@dataclass(frozen=True)
class TrainerConf:
    """Options of ESPnet's trainer, at the outermost level of the config, whose values ESPnet does not check."""

    num_iters_per_epoch: int = bounded(1)
    max_epoch: int = bounded(1, default=40)
    batch_bins: int = bounded(1, default=1_000_000)
    valid_batch_bins: int | None = bounded(1, default=None)
    accum_grad: int = bounded(1, default=1)
    grad_clip: float = positive(5.0)
    num_workers: int = bounded(0, default=1)
    patience: int | None = bounded(1, default=None)
    log_interval: int | None = bounded(1, default=None)


@dataclass(frozen=True)
class EncoderConf:
    """`encoder_conf`: blocks kept as they are (-1 = all), neighbouring frames averaged into one, layers computed
    again in the backward pass instead of kept, adapters instead of the encoder's own weights (rank 0 = none)."""

    freeze_blocks: int = bounded(-1, default=0)
    frame_average: int = bounded(1, default=1)
    gradient_checkpointing: bool = False
    lora_rank: int = bounded(0, default=0)
    lora_alpha: float = positive(16.0)
    lora_dropout: float = bounded(0, 1, default=0.0)
    lora_targets: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ModelConf:
    """`model_conf`.

    Args:
        autocast: dtype of the matrix products: `float32`, `bfloat16`, or `auto`, bfloat16 where it is native.
        nominal_batch: utterances of a typical batch, by which the sum of their losses is divided.
        gradient_interval: training steps between two measurements of the gradients; 0 = never.
        task_weighting: weighting of the attributes' losses, `fixed` or `uncertainty`.
        whiten_layers: train the heads on whitened frames.
    """

    autocast: str = "auto"
    nominal_batch: int = bounded(1, default=1)
    gradient_interval: int = bounded(0, default=0)
    task_weighting: str = "fixed"
    whiten_layers: bool = False


@dataclass(frozen=True)
class SamplerConf:
    """`sampler_conf`: exponent of the language shares, utterances sorted by length together, shares of corpora
    and factors of languages."""

    alpha: float = bounded(0, default=1.0)
    window: int = bounded(1, default=2048)
    corpus_weights: dict[str, float] = field(default_factory=dict)
    language_weights: dict[str, float] = field(default_factory=dict)


BLOCKS = {"encoder_conf": EncoderConf, "model_conf": ModelConf, "sampler_conf": SamplerConf}


def check_training(args: argparse.Namespace, classes: Mapping[str, Mapping[str, type]]) -> None:
    """Check the values of a training config.

    Args:
        args: ESPnet's options, `config` among them.
        classes: option that names a class (`optim`, `scheduler2` ...) -> legal name -> class.

    Raises:
        UserError: an unknown name, key or type, or a value out of its range, with the config file and what is legal.
    """
    if args.num_iters_per_epoch is None:
        raise UserError(f"{args.config}: num_iters_per_epoch (batches of one epoch) is missing")
    given = {key.name: getattr(args, key.name) for key in dataclasses.fields(TrainerConf)}
    build_strict(TrainerConf, {key: value for key, value in given.items() if value is not None}, str(args.config))
    for block, cls in BLOCKS.items():
        build_strict(cls, getattr(args, block), f"{args.config}: {block}")
    for option, legal in classes.items():
        chosen, where = getattr(args, option), f"{args.config}: {option}"
        conf = getattr(args, f"{option}_conf")
        if chosen is None:
            check_keys(conf, set(), set(), f"{where}_conf")
            continue
        if chosen not in list(legal):
            raise UserError(f"{where}: unknown {chosen!r}; legal: {', '.join(legal)}")
        # The first parameter is what trains. torch itself reports parameters that are missing.
        first = list(inspect.signature(legal[chosen]).parameters)[:1]
        check_arguments(legal[chosen], conf, f"{where}_conf", skip=first, required=False)
        _check_numbers(conf, f"{where}_conf")


def _check_numbers(conf: Mapping[str, Any], where: str) -> None:
    """UserError for a number that would reverse or destroy the training; a list may hold one for each group."""
    for key, value in conf.items():
        for number in value if isinstance(value, list | tuple) else [value]:
            is_number = type(number) in (int, float)
            if key in POSITIVE and not (is_number and 0 < number < math.inf):
                raise UserError(f"{where}: {key} must be a number above 0, found {value!r}")
            if is_number and key not in SIGNED and not 0 <= number < math.inf:
                raise UserError(f"{where}: {key} must be a number from 0, found {value!r}")


def check_criteria(args: argparse.Namespace, statistics: Collection[str]) -> None:
    """Check which statistics a training is to compare, and which model it is to keep.

    Args:
        args: ESPnet's options.
        statistics: names of the epoch's means, e.g. `loss` and `cos_sem`.

    Raises:
        UserError: a statistic that the training does not have, or a model that it would not write.
    """
    criteria = args.best_model_criterion
    for option, found, num_words in (
        *(("best_model_criterion", criterion, 3) for criterion in _as_list(criteria, args.config)),
        ("early_stopping_criterion", args.early_stopping_criterion, 3),
        ("val_scheduler_criterion", args.val_scheduler_criterion, 2),
    ):
        legal = (["train", "valid"], sorted(statistics), ["min", "max"])[:num_words]
        words = found if isinstance(found, list | tuple) else [found]
        if len(words) != num_words or any(word not in names for word, names in zip(words, legal, strict=True)):
            options = ", ".join(" | ".join(names) for names in legal)
            raise UserError(f"{args.config}: {option}: cannot use {found!r}; legal: [{options}]")
    written = [f"{phase}.{key}.{kind}" for phase, key, _ in criteria for kind in ("best", "ave")]
    if args.final_model not in (*written, "latest"):
        raise UserError(
            f"{args.config}: final_model: training would write no {args.final_model!r}; legal: "
            f"{', '.join([*written, 'latest'])}"
        )
    counts = args.keep_nbest_models
    for count in counts if isinstance(counts, list) else [counts]:
        if type(count) is not int or count < 1:
            raise UserError(f"{args.config}: keep_nbest_models must be at least 1, found {counts!r}")


def _as_list(criteria: Any, config: str) -> Sequence[Any]:
    if not isinstance(criteria, list | tuple) or not criteria:
        raise UserError(
            f"{config}: best_model_criterion: expected a list such as [[valid, loss, min]], found {criteria!r}"
        )
    return criteria
