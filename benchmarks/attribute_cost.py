"""Cost of a further attribute: training steps and extraction with and without it, side by side.

Same data, same process, in turns: steps of phase 1 (heads, on cached layers) and of phase 2 (encoder and heads, from
waveforms) by the recipe's own configs, and the extraction of a set. Run it after stages 1 to 3 of egs/mini_prompts and
stage 2 with the second attributes file:

    cd egs/mini_prompts && PYTHONPATH=../TEMPLATE ../../tools/venv/bin/python ../../benchmarks/attribute_cost.py
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import yaml
from training_steps import TrainingSteps, build_model

from espnet_ext.config.training import EncoderConf
from espnet_ext.inference.utt_encoder import UttEncoder
from espnet_ext.kaldi.archives import read_dumped
from espnet_ext.kaldi.scp import read_scp
from espnet_ext.model.precision import AUTO, resolve_autocast
from espnet_ext.training.sampler import BalancedLengthSampler
from espnet_ext.training.utterance_table import read_table


def median_seconds(runs: dict[Path, Callable[[int], object]], rounds: int) -> dict[Path, float]:
    """Median time (s) of each, measured in turns after one warm-up round."""
    seconds: dict[Path, list[float]] = {name: [] for name in runs}
    for index in range(rounds + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run(index)
            seconds[name].append(time.perf_counter() - started)
    return {name: float(np.median(found[1:])) for name, found in seconds.items()}


def training_seconds(files: list[Path], dump: Path, config_file: Path, rounds: int) -> dict[Path, float]:
    """Time (s) of all steps of a phase with each attributes file, from `rounds` of its batches."""
    config = yaml.safe_load(config_file.read_text(encoding="utf-8"))
    sampler = BalancedLengthSampler(read_table(dump), config["batch_bins"], rounds + 1, **config["sampler_conf"])
    batches = sampler.generate(1)
    conf, autocast = EncoderConf(**config["encoder_conf"]), resolve_autocast(AUTO, "cpu")
    loops = {file: TrainingSteps(file, dump, conf, autocast) for file in files}
    steps = config["max_epoch"] * config["num_iters_per_epoch"]
    runs = {file: lambda index, loop=loop: loop.step(batches[index]) for file, loop in loops.items()}
    return {file: steps * step_s for file, step_s in median_seconds(runs, rounds).items()}


def extraction_seconds(files: list[Path], dump: Path, evaluated: Path, rounds: int) -> dict[Path, float]:
    """Time (s) of extracting a set, in float32."""
    conf = EncoderConf(frame_average=2)
    encoders = {file: UttEncoder(build_model(file, dump, conf, {"autocast": "float32"}).eval()) for file in files}
    audio = [read_dumped(entry) for entry in read_scp(evaluated / "wav.scp").values()]
    runs = {file: lambda index, encoder=encoder: encoder.encode(audio) for file, encoder in encoders.items()}
    return median_seconds(runs, rounds)


def main() -> None:
    """Measure both in turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dump", type=Path, default=Path("dump/train"))
    parser.add_argument("--evaluated", type=Path, default=Path("dump/test_sent"))
    parser.add_argument("--without", type=Path, default=Path("conf/attributes.yaml"))
    parser.add_argument("--with", dest="with_it", type=Path, default=Path("conf/attributes_lang.yaml"))
    parser.add_argument("--heads", type=Path, default=Path("conf/train_heads.yaml"))
    parser.add_argument("--finetune", type=Path, default=Path("conf/train_finetune.yaml"))
    args = parser.parse_args()
    files = [args.without, args.with_it]
    seconds = {
        "phase 1, heads on cached layers": training_seconds(files, args.dump, args.heads, 60),
        "phase 2, encoder and heads": training_seconds(files, args.dump, args.finetune, 15),
    }
    seconds["training"] = {file: sum(phase[file] for phase in seconds.values()) for file in files}
    seconds["extraction"] = extraction_seconds(files, args.dump, args.evaluated, 3)
    print(f"| time | {args.without.name} | {args.with_it.name} | cost of the further attribute |\n|---|---|---|---|")
    for what, times in seconds.items():
        before_s, after_s = (times[file] for file in files)
        print(f"| {what} | {before_s:.1f} s | {after_s:.1f} s | {100 * (after_s / before_s - 1):.1f} % |")
    print(f"\n{torch.get_num_threads()} threads, torch {torch.__version__}")


if __name__ == "__main__":
    main()
