"""Training steps of this recipe against randomly padded batches of 16 in full precision, side by side.

Same model, same data, same process, in turns: the encoder and all heads are trained from waveforms.
Run it after stages 1 and 2 of egs/mini_prompts:

    cd egs/mini_prompts && ../../tools/venv/bin/python ../../benchmarks/training_throughput.py
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from espnet_ext.config.attributes import load_attributes
from espnet_ext.hub.cache import default_cache
from espnet_ext.hub.encoders import encoder_folder
from espnet_ext.hub.model_files import load_encoder
from espnet_ext.train.bank import fill_banks
from espnet_ext.train.readers import AudioReader, TargetReader
from espnet_ext.train.sampler import BalancedLengthSampler
from espnet_ext.train.utterance_table import read_table
from espnet_ext.utt.espnet_model import ESPnetUttModel

RANDOM_BATCH_UTTERANCES = 16
SAMPLING_RATE = 16_000


class Loop:
    """One way to train: its batches and the dtype of its matrix products."""

    def __init__(self, dump: Path, attributes: Path, batches: Sequence[Sequence[str]], autocast: str) -> None:
        declared = load_attributes(attributes)
        torch.manual_seed(0)
        encoder = load_encoder(encoder_folder("whisper-base", default_cache()), frame_average=2)
        self.model = ESPnetUttModel(encoder, declared, autocast).train()
        scps = {name: dump / f"target_{name}.scp" for name in declared}
        fill_banks(self.model, scps)
        self.audio = AudioReader(str(dump / "wav.scp"))
        self.targets = {name: TargetReader(str(path)) for name, path in scps.items()}
        self.optimizer = torch.optim.AdamW([p for p in self.model.parameters() if p.requires_grad], lr=1e-5)
        self.batches = batches

    def load(self, batch: Sequence[str]) -> dict[str, Tensor]:
        """One padded batch, with targets."""
        speech = [torch.from_numpy(self.audio[utterance]) for utterance in batch]
        loaded = {
            name: torch.from_numpy(np.stack([reader[utterance] for utterance in batch]))
            for name, reader in self.targets.items()
        }
        loaded["speech"] = pad_sequence(speech, batch_first=True)
        loaded["speech_lengths"] = torch.tensor([len(samples) for samples in speech])
        return loaded

    def step(self, index: int) -> tuple[float, float, float]:
        """Train on one batch: seconds it took, seconds of audio in it, share of padding."""
        started = time.perf_counter()
        batch = self.load(self.batches[index])
        loss, _, _ = self.model(**batch)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        elapsed_s = time.perf_counter() - started
        real = int(batch["speech_lengths"].sum())
        return elapsed_s, real / SAMPLING_RATE, 1 - real / batch["speech"].numel()


def random_batches(utterances: Sequence[str], seed: int) -> list[list[str]]:
    """Batches of 16 utterances in random order."""
    order = np.random.default_rng(seed).permutation(np.array(utterances)).tolist()
    return [order[i : i + RANDOM_BATCH_UTTERANCES] for i in range(0, len(order), RANDOM_BATCH_UTTERANCES)]


def main() -> None:
    """Alternate the two loops and print a table."""
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
