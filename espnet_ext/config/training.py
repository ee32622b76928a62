"""Check a training config before anything is built or written; ESPnet checks only the keys of the outermost level."""

import argparse
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field

from espnet_ext.config.strict import bounded, build_strict, check_keys
from espnet_ext.errors import UserError


@dataclass(frozen=True)
class EncoderConf:
    """`encoder_conf`: blocks kept as they are (-1 = all), neighbouring frames averaged into one, layers computed
    again in the backward pass instead of kept, adapters instead of the encoder's own weights (rank 0 = none)."""

    freeze_blocks: int = 0
    frame_average: int = bounded(1, default=1)
    gradient_checkpointing: bool = False
    lora_rank: int = 0
    lora_alpha: float = 16.0
    lora_dropout: float = bounded(0, 1, default=0.0)
    lora_targets: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ModelConf:
    """`model_conf`.

    Args:
        autocast: dtype of the matrix products: `float32`, `bfloat16`, or `auto`, bfloat16 where it is native.
        nominal_batch: utterances of a typical batch, by which the sum of their losses is divided.
        gradient_interval: training steps between two measurements of the gradients; 0 = never.
        task_weighting: how the attributes' losses become one gradient.
        decorrelation: weight of the penalty on what the heads' embeddings have in common.
        whiten_layers: train the heads on whitened frames.
    """

    autocast: str = "auto"
    nominal_batch: int = bounded(1, default=1)
    gradient_interval: int = bounded(0, default=0)
    task_weighting: str = "fixed"
    decorrelation: float = bounded(0, default=0.0)
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
    """Check the blocks of a training config.

    Args:
        args: ESPnet's options, `config` among them.
        classes: option that names a class (`optim`, `scheduler2` ...) -> legal name -> class.

    Raises:
        UserError: an unknown name, key or type, with the config file and the legal ones.
    """
    for block, cls in BLOCKS.items():
        build_strict(cls, getattr(args, block), f"{args.config}: {block}")
    for option, legal in classes.items():
        chosen = getattr(args, option)
        if chosen is not None and chosen not in legal:
            raise UserError(f"{args.config}: {option}: unknown {chosen!r}; legal: {', '.join(legal)}")
        keys = list(inspect.signature(legal[chosen]).parameters)[1:] if chosen else []  # not the parameters to train
        check_keys(getattr(args, f"{option}_conf"), set(keys), set(), f"{args.config}: {option}_conf")
    if not args.num_iters_per_epoch or args.num_iters_per_epoch < 1:
        raise UserError(f"{args.config}: num_iters_per_epoch (batches of one epoch) must be at least 1")
