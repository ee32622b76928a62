"""Print what a phase of training reads: `speech`, or `layers FRAME_AVERAGE AUTOCAST` of the frozen encoder."""

import argparse
from math import prod
from pathlib import Path

from espnet_ext.bin.entry import run_main
from espnet_ext.config.strict import build_strict, read_yaml
from espnet_ext.config.training import EncoderConf, ModelConf
from espnet_ext.data.scp import iter_scp


def choose_input(config: Path, num_samples: int) -> str:
    """Layers where the encoder is frozen and computing them once is no more work than hearing the audio.

    Args:
        config: YAML file of the trainer's options.
        num_samples: of the training set.

    Raises:
        UserError: a broken file, or a wrong key in `encoder_conf` or `model_conf`.
    """
    options = read_yaml(config)
    encoder, model = (
        build_strict(cls, options.get(block, {}), f"{config}: {block}")
        for block, cls in (("encoder_conf", EncoderConf), ("model_conf", ModelConf))
    )
    # An option that is left out has a default of ESPnet's, none of which makes a training short.
    heard = [options.get(name) for name in ("max_epoch", "num_iters_per_epoch", "batch_bins")]
    is_short = all(isinstance(number, int) for number in heard) and prod(heard) < num_samples
    if encoder.freeze_blocks != -1 or is_short:
        return "speech"
    return f"layers {encoder.frame_average} {model.autocast}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="YAML file of the trainer's options")
    parser.add_argument("--train_dump", type=Path, required=True, help="dump directory to train on")
    args = parser.parse_args()
    num_samples = sum(int(count) for _, count in iter_scp(args.train_dump / "utt2num_samples"))
    print(choose_input(args.config, num_samples))


if __name__ == "__main__":
    run_main(main)
