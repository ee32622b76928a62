"""Training with this recipe against a loop like SpeechBrain's SENSE recipe, side by side.

The SENSE-like loop takes batches of random utterances, decodes and pads them, extracts features on the CPU with
transformers' extractor, runs both teachers on every batch, and trains in float32. Ours reads targets that were dumped
once, sorts by length, computes features within the model and multiplies matrices in bfloat16. Same speech, same
w2v-BERT-shaped encoder, same heads and loss, same process, in turns. Both count utterances: an update of ours holds as
many as one of theirs on average. Run it after stages 1 and 2 of egs/mini_prompts:

    cd egs/mini_prompts && ../../tools/venv/bin/python ../../benchmarks/sense_training.py
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import SeamlessM4TFeatureExtractor, Wav2Vec2BertConfig, Wav2Vec2BertModel

from espnet_ext.config.attributes import AttributeConfig, load_attributes
from espnet_ext.kaldi.scp import read_scp
from espnet_ext.model.encoder import build_encoder
from espnet_ext.model.head.attribute_head import AttributeHead
from espnet_ext.tasks.espnet_model import ESPnetUttModel
from espnet_ext.teachers import build_teacher
from espnet_ext.training.readers import AudioReader, TargetReader
from espnet_ext.training.sampler import BalancedLengthSampler
from espnet_ext.training.utterance_table import read_table

SAMPLING_RATE = 16_000
# The paper's batch.
BATCH_UTTERANCES = 20


def small_w2v_bert(layers: int, dim: int) -> Wav2Vec2BertConfig:
    """w2v-BERT 2.0 with fewer and narrower layers."""
    return Wav2Vec2BertConfig(
        num_hidden_layers=layers,
        hidden_size=dim,
        intermediate_size=4 * dim,
        num_attention_heads=dim // 64,
        layerdrop=0.0,
    )


class SenseLoop:
    """A training loop with teachers on the fly, features on the CPU, random padding, float32.

    Args:
        dump: dump directory with audio and text.
        attributes: what to train; a teacher each.
        config: of the encoder.
    """

    def __init__(self, dump: Path, attributes: dict[str, AttributeConfig], config: Wav2Vec2BertConfig) -> None:
        torch.manual_seed(0)
        self.encoder = Wav2Vec2BertModel(config).train()
        self.heads = nn.ModuleDict(
            {
                name: AttributeHead(attribute.head, config.num_hidden_layers + 1, config.hidden_size)
                for name, attribute in attributes.items()
            }
        )
        self.features = SeamlessM4TFeatureExtractor()
        self.sources = {name: attribute.target.source for name, attribute in attributes.items()}
        self.teachers = {
            name: build_teacher(attribute.target.teacher, **attribute.target.options)
            for name, attribute in attributes.items()
        }
        self.audio, self.text = AudioReader(str(dump / "wav.scp")), read_scp(dump / "text")
        self.optimizers = [
            torch.optim.Adam(self.encoder.parameters(), lr=1e-5),
            torch.optim.Adadelta(self.heads.parameters(), lr=1.5, rho=0.95, eps=1e-8),
        ]

    def step(self, batch: Sequence[str]) -> None:
        """Train on one batch."""
        speech = [self.audio[utterance] for utterance in batch]
        items = {"text": [self.text[utterance] for utterance in batch], "speech": speech}
        inputs = self.features(speech, sampling_rate=SAMPLING_RATE, return_tensors="pt", padding=True)
        hidden = self.encoder(**inputs, output_hidden_states=True).hidden_states
        # The pooling of SENSE has no mask.
        everything = torch.ones(hidden[0].shape[:2], dtype=torch.bool)
        losses = []
        for name, head in self.heads.items():
            target = torch.from_numpy(self.teachers[name].embed(items[self.sources[name]]))
            losses.append((1 - nn.functional.cosine_similarity(head(list(hidden), everything), target)).sum())
        torch.stack(losses).sum().backward()
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()


class RecipeLoop:
    """Training steps of this recipe: dumped targets, batches sorted by length, features in the model, bfloat16."""

    def __init__(self, dump: Path, attributes: dict[str, AttributeConfig], config: Wav2Vec2BertConfig) -> None:
        torch.manual_seed(0)
        encoder = build_encoder(config.to_dict())
        self.model = ESPnetUttModel(encoder, attributes, "bfloat16", nominal_batch=BATCH_UTTERANCES).train()
        self.audio = AudioReader(str(dump / "wav.scp"))
        self.targets = {name: TargetReader(str(dump / f"target_{name}.scp")) for name in attributes}
        self.optimizers = [
            torch.optim.Adam(self.model.encoder.parameters(), lr=1e-5),
            torch.optim.Adadelta(self.model.heads.parameters(), lr=1.5, rho=0.95, eps=1e-8),
        ]

    def step(self, batch: Sequence[str]) -> None:
        """Train on one batch."""
        speech = [torch.from_numpy(self.audio[utterance]) for utterance in batch]
        loss, _, _ = self.model(
            speech=pad_sequence(speech, batch_first=True),
            speech_lengths=torch.tensor([len(samples) for samples in speech]),
            **{name: self._target(reader, batch) for name, reader in self.targets.items()},
        )
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()

    @staticmethod
    def _target(reader: TargetReader, batch: Sequence[str]) -> Tensor:
        return torch.from_numpy(np.stack([reader[utterance] for utterance in batch]))


def random_batches(utterances: Sequence[str], count: int) -> list[list[str]]:
    """Batches of BATCH_UTTERANCES random utterances."""
    random = np.random.default_rng(1)
    return [random.choice(utterances, BATCH_UTTERANCES, replace=False).tolist() for _ in range(count)]


def sorted_batches(dump: Path, chosen: set[str], count: int) -> list[tuple[str, ...]]:
    """The recipe's batches, of as many seconds as BATCH_UTTERANCES average utterances have."""
    table = read_table(dump)
    table = table.keep(np.array([name.decode() in chosen for name in table.ids]))
    budget = max(BATCH_UTTERANCES * int(table.num_samples.mean()), int(table.num_samples.max()))
    return BalancedLengthSampler(table, budget, count).generate(1)


def main() -> None:
    """Run both loops in turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dump", type=Path, default=Path("dump/train"))
    parser.add_argument("--attributes", type=Path, default=Path("conf/attributes_cosine.yaml"))
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=20, help="counted rounds, after two that are not")
    args = parser.parse_args()
    attributes = load_attributes(args.attributes)
    config = small_w2v_bert(args.layers, args.dim)
    # Utterances with audio and text for both teachers.
    chosen = sorted(read_scp(args.dump / "text"))
    count = args.rounds + 2
    loops = {
        "SENSE-like: teachers on the fly, CPU features, random padding, float32": (
            SenseLoop(args.dump, attributes, config),
            random_batches(chosen, count),
        ),
        "this recipe": (RecipeLoop(args.dump, attributes, config), sorted_batches(args.dump, set(chosen), count)),
    }
    seconds, utterances = np.zeros(2), np.zeros(2)
    for index in range(count):
        for number, (loop, batches) in enumerate(loops.values()):
            started = time.perf_counter()
            loop.step(batches[index])
            if index >= 2:
                seconds[number] += time.perf_counter() - started
                utterances[number] += len(batches[index])
    print("| training loop | utterances per second | utterances | s |\n|---|---|---|---|")
    for name, time_s, number in zip(loops, seconds, utterances, strict=True):
        print(f"| {name} | {number / time_s:.2f} | {number:.0f} | {time_s:.1f} |")
    theirs, ours = utterances / seconds
    print(f"\nratio {ours / theirs:.2f}, {torch.get_num_threads()} threads, torch {torch.__version__}")


if __name__ == "__main__":
    main()
