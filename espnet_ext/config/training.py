"""Check a training config before anything is built or written; ESPnet checks only the keys of the outermost level."""

import argparse
import inspect
from collections.abc import Collection, Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from espnet_ext.config.validation import StrictModel, as_list, check_arguments, check_name, validate

# Arguments of optimizers and schedulers that are not simply numbers from 0. A list has a number for each group.
Positive = Annotated[list[PositiveFloat], BeforeValidator(as_list)]
SPECIAL_ARGUMENTS = {**dict.fromkeys(("max_lr", "total_steps", "warmup_steps"), Positive), "last_epoch": int}


class EncoderConf(StrictModel):
    """`encoder_conf`.

    Attributes:
        freeze_blocks: blocks of the encoder that are not trained; -1 = all.
        frame_average: neighboring frames that are averaged into one.
        gradient_checkpointing: compute the layers again in the backward pass instead of keeping them in memory.
        lora_rank: rank of adapters that are trained instead of the encoder's own weights; 0 = no adapters.
        lora_alpha: scale of the adapters' outputs, times the rank.
        lora_dropout: dropout of the adapters' inputs.
        lora_targets: names of the linear layers that get adapters.
    """

    freeze_blocks: int = Field(0, ge=-1)
    frame_average: PositiveInt = 1
    gradient_checkpointing: bool = False
    lora_rank: NonNegativeInt = 0
    lora_alpha: PositiveFloat = 16.0
    lora_dropout: float = Field(0.0, ge=0, lt=1)
    lora_targets: list[str] = []


class ModelConf(StrictModel):
    """`model_conf`.

    Attributes:
        autocast: dtype of the matrix products: `float32`, `bfloat16`, or `auto`, bfloat16 where it is native.
        nominal_batch: utterances of a typical batch, by which the sum of their losses is divided.
        gradient_interval: training steps between two measurements of the gradients; 0 = never.
        task_weighting: weighting of the attributes' losses, `fixed` or `uncertainty`.
        whiten_layers: train the heads on whitened frames.
    """

    autocast: str = "auto"
    nominal_batch: PositiveInt = 1
    gradient_interval: NonNegativeInt = 0
    task_weighting: str = "fixed"
    whiten_layers: bool = False


class SamplerConf(StrictModel):
    """`sampler_conf`.

    Attributes:
        alpha: exponent of the languages' sampling weights.
        window: utterances that are sorted by length together.
        corpus_weights: corpus -> sampling weight.
        language_weights: language -> factor of its sampling weight.
    """

    alpha: NonNegativeFloat = 1.0
    window: PositiveInt = 2048
    corpus_weights: dict[str, NonNegativeFloat] = {}
    language_weights: dict[str, NonNegativeFloat] = {}


Split = Literal["train", "valid"]
# A statistic to compare: training or dev set, name, and whether the lowest or the highest value is best.
Criterion = Annotated[tuple[Split, str, Literal["min", "max"]], Field(strict=False)]


class TrainerConf(StrictModel):
    """Options of ESPnet's trainer whose values ESPnet does not check, and this package's own blocks."""

    model_config = ConfigDict(from_attributes=True)

    num_iters_per_epoch: PositiveInt
    max_epoch: PositiveInt
    batch_bins: PositiveInt
    valid_batch_bins: PositiveInt | None
    accum_grad: PositiveInt
    grad_clip: PositiveFloat
    num_workers: NonNegativeInt
    patience: PositiveInt | None
    log_interval: PositiveInt | None
    best_model_criterion: list[Criterion] = Field(min_length=1, strict=False)
    early_stopping_criterion: Criterion
    val_scheduler_criterion: tuple[Split, str] = Field(strict=False)
    keep_nbest_models: Annotated[list[PositiveInt], BeforeValidator(as_list)]
    final_model: str
    encoder_conf: EncoderConf
    model_conf: ModelConf
    sampler_conf: SamplerConf


def check_training(args: argparse.Namespace, classes: Mapping[str, Mapping[str, type]]) -> None:
    """Check the values of a training config.

    Args:
        args: ESPnet's options, `config` among them.
        classes: option that names a class (`optim`, `scheduler2` ...) -> legal name -> class.

    Raises:
        UserError: an unknown name, key or type, or a value out of range; names the file and the legal values.
    """
    validate(TrainerConf, args, args.config)
    for option, legal in classes.items():
        chosen, where = getattr(args, option), f"{args.config}: {option}"
        conf = getattr(args, f"{option}_conf")
        if chosen is None:
            validate(StrictModel, conf, f"{where}_conf")
            continue
        check_name(chosen, legal, where)
        # The first parameter is the object to train. torch itself reports parameters that are missing.
        first = list(inspect.signature(legal[chosen]).parameters)[:1]
        check_arguments(
            legal[chosen],
            conf,
            f"{where}_conf",
            skip=first,
            required=False,
            integer=NonNegativeInt,
            number=NonNegativeFloat,
            special=SPECIAL_ARGUMENTS,
        )


def check_criteria(args: argparse.Namespace, statistics: Collection[str]) -> None:
    """Check the names of the statistics that a training compares, and of the model that it keeps.

    Args:
        args: ESPnet's options, with values that `check_training` accepts.
        statistics: names of the epoch's means, e.g. `loss` and `cos_sem`.

    Raises:
        UserError: a statistic that the training does not have, or a model that it would not write.
    """
    criteria = args.best_model_criterion
    for option, found in (
        *(("best_model_criterion", criterion) for criterion in criteria),
        ("early_stopping_criterion", args.early_stopping_criterion),
        ("val_scheduler_criterion", args.val_scheduler_criterion),
    ):
        check_name(found[1], sorted(statistics), f"{args.config}: {option}")
    written = [f"{phase}.{key}.{kind}" for phase, key, _ in criteria for kind in ("best", "ave")]
    check_name(args.final_model, [*written, "latest"], f"{args.config}: final_model")
