"""Input of each training phase: the audio, or cached outputs of frozen encoder blocks."""

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from espnet_ext.config.training import EncoderConf, ModelConf
from espnet_ext.config.validation import validate
from espnet_ext.utils.strict_yaml import read_yaml


class Phase(NamedTuple):
    """Options of one phase that determine its input.

    Attributes:
        freeze_blocks, frame_average: see `EncoderConf`.
        autocast: see `ModelConf`.
        is_short: the phase reads less audio than the training set has.
    """

    freeze_blocks: int
    frame_average: int
    autocast: str
    is_short: bool

    @classmethod
    def read(cls, config: Path, num_samples: int) -> "Phase":
        """Read the YAML file of the trainer's options; `num_samples` is the size of the training set."""
        options = read_yaml(config)
        encoder = validate(EncoderConf, options.get("encoder_conf", {}), f"{config}: encoder_conf")
        model = validate(ModelConf, options.get("model_conf", {}), f"{config}: model_conf")
        # An absent option has ESPnet's default, and none of these defaults makes a training short.
        factors: list[Any] = [options.get(name) for name in ("max_epoch", "num_iters_per_epoch", "batch_bins")]
        is_short = all(isinstance(factor, int) for factor in factors) and prod(factors) < num_samples
        return cls(encoder.freeze_blocks, encoder.frame_average, model.autocast, is_short)

    def reads_cache_of(self, frozen: "Phase") -> bool:
        """Whether this phase trains only upper blocks, and can start from the outputs cached for an earlier phase."""
        same_outputs = (self.frame_average, self.autocast) == (frozen.frame_average, frozen.autocast)
        return self.freeze_blocks != 0 and same_outputs


def choose_inputs(configs: Sequence[Path], num_samples: int) -> list[str]:
    """Select cached outputs if the encoder, or its lower part, is frozen and computing them once is less work.

    A phase that trains the upper blocks reads the cache only if an earlier phase fills it anyway, because the cache
    of a large corpus may not fit on the disk.

    Args:
        configs: YAML files of the trainer's options, in the order of the phases; each starts from the one before.
        num_samples: size of the training set.

    Returns:
        for each phase, `speech`, or `layers FRAME_AVERAGE AUTOCAST FROZEN`. FROZEN is the number of frozen blocks
        whose last output the cache must contain (`all`: only the layers are read).

    Raises:
        UserError: a broken file, or a wrong key in `encoder_conf` or `model_conf`.
    """
    phases = [Phase.read(config, num_samples) for config in configs]
    cached: dict[int, Phase] = {}
    for index, phase in enumerate(phases):
        # The frozen blocks are still the pretrained ones; one cache contains the output of only one block.
        unchanged = all(earlier.freeze_blocks in (-1, phase.freeze_blocks) for earlier in phases[:index])
        fills_cache = phase.freeze_blocks == -1 and not phase.is_short
        if unchanged and (fills_cache or any(map(phase.reads_cache_of, cached.values()))):
            cached[index] = phase
    frozen: set[Any] = {phase.freeze_blocks for phase in cached.values()} - {-1} or {"all"}
    return [
        f"layers {phase.frame_average} {phase.autocast} {next(iter(frozen))}" if index in cached else "speech"
        for index, phase in enumerate(phases)
    ]
