"""Training steps of this recipe against randomly padded batches of 16 in full precision, side by side.

Same model, same data, same process, in turns: the encoder and all heads are trained from waveforms.
Run it after stages 1 and 2 of egs/mini_prompts:

    cd egs/mini_prompts && PYTHONPATH=../TEMPLATE ../../tools/venv/bin/python ../../benchmarks/training_throughput.py
"""

import argparse
import time
from collections.abc import Sequence
from itertools import batched
from pathlib import Path

import numpy as np
import torch
from training_steps import TrainingSteps

from espnet_ext.config.training import EncoderConf
from espnet_ext.kaldi.scp import read_scp
from espnet_ext.training.sampler import BalancedLengthSampler
from espnet_ext.training.utterance_table import read_table

RANDOM_BATCH_UTTERANCES = 16
SAMPLING_RATE = 16_000


class Loop:
    """A training loop: its batches and the dtype of its matrix products."""

    def __init__(self, dump: Path, attributes: Path, batches: Sequence[tuple[str, ...]], autocast: str) -> None:
        self.steps = TrainingSteps(attributes, dump, EncoderConf(frame_average=2), autocast)
        self.num_samples = {name: int(count) for name, count in read_scp(dump / "utt2num_samples").items()}
        self.batches = batches

    def step(self, index: int) -> tuple[float, float, float]:
        """Train on one batch: return the seconds it took, its seconds of audio, and its fraction of padding."""
        batch = self.batches[index]
        started = time.perf_counter()
        self.steps.step(batch)
        elapsed_s = time.perf_counter() - started
        lengths = np.array([self.num_samples[utterance] for utterance in batch])
        return elapsed_s, lengths.sum() / SAMPLING_RATE, 1 - lengths.mean() / lengths.max()


def random_batches(utterances: Sequence[str], seed: int) -> list[tuple[str, ...]]:
    """Batches of 16 utterances in random order."""
    order = np.random.default_rng(seed).permutation(np.array(utterances)).tolist()
    return list(batched(order, RANDOM_BATCH_UTTERANCES))


def main() -> None:
    """Run both loops in turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dump", type=Path, default=Path("dump/train"))
    parser.add_argument("--attributes", type=Path, default=Path("conf/attributes.yaml"))
    parser.add_argument("--rounds", type=int, default=12, help="counted rounds, after two that are not")
    args = parser.parse_args()
    table = read_table(args.dump)
    # Budget and window of conf/train_finetune.yaml.
    sampler = BalancedLengthSampler(table, 60 * SAMPLING_RATE, args.rounds + 2, window=256)
    loops = {
        "this recipe: sorted by length within 256, 60 s, bfloat16": Loop(
            args.dump, args.attributes, sampler.generate(1), "bfloat16"
        ),
        "random batches of 16, float32": Loop(
            args.dump, args.attributes, random_batches(table.names(np.arange(len(table.ids))), 1), "float32"
        ),
    }
    measured = {name: [] for name in loops}
    for index in range(args.rounds + 2):
        for name, loop in loops.items():
            figures = loop.step(index)
            if index >= 2:
                measured[name].append(figures)
    rates = {}
    print("| training loop | s of audio per s (median step; all steps) | padding |\n|---|---|---|")
    for name, steps in measured.items():
        elapsed_s, audio_s, padding = np.array(steps).T
        rates[name] = audio_s.sum() / elapsed_s.sum()
        print(f"| {name} | {np.median(audio_s / elapsed_s):.1f}; {rates[name]:.1f} | {100 * padding.mean():.0f} % |")
    ours, theirs = rates.values()
    print(f"\nratio {ours / theirs:.2f}, {torch.get_num_threads()} threads, torch {torch.__version__}")


if __name__ == "__main__":
    main()
