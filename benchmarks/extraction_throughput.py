"""Extraction against single utterances through the reference pipeline, and against the bare encoder, side by side.

- extraction: `UttEncoder.encode` on dumped audio, decoding and heads included, in float32 and in bfloat16;
- reference: transformers' extractor and model, one utterance at a time, the same heads;
- bare: the encoder alone on batches that were decoded, sorted and padded before the clock started.

Same w2v-BERT-shaped model and utterances, same process, in turns; heads as wide as the encoder, as in the paper. Run
it after stages 1 and 2 of egs/mini_prompts:

    cd egs/mini_prompts && ../../tools/venv/bin/python ../../benchmarks/extraction_throughput.py
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sense_training import small_w2v_bert
from torch.nn.utils.rnn import pad_sequence
from transformers import SeamlessM4TFeatureExtractor, Wav2Vec2BertModel

from espnet_ext.config.attributes import load_attributes
from espnet_ext.data.audio import RATE, read_dumped
from espnet_ext.data.batching import sorted_batches
from espnet_ext.data.data_dir import read_scp
from espnet_ext.hub.inference import BATCH_S, UttEncoder
from espnet_ext.utt.encoder import build_encoder
from espnet_ext.utt.espnet_model import ESPnetUttModel


@torch.inference_mode()
def single_utterances(model: Wav2Vec2BertModel, ours: ESPnetUttModel, specs: list[str]) -> None:
    """The reference pipeline, one utterance at a time."""
    features = SeamlessM4TFeatureExtractor()
    for spec in specs:
        inputs = features(read_dumped(spec), sampling_rate=RATE, return_tensors="pt")
        hidden = model(**inputs, output_hidden_states=True).hidden_states
        everything = torch.ones(hidden[0].shape[:2], dtype=torch.bool)
        for head in ours.heads.values():
            head(list(hidden), everything)


def premade_batches(specs: list[str]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """All utterances, sorted by length and padded, in batches of the extraction's budget."""
    speech = [torch.from_numpy(read_dumped(spec)) for spec in specs]
    lengths = np.array([len(samples) for samples in speech])
    batches = sorted_batches(lengths, int(BATCH_S * RATE))
    return [
        (pad_sequence([speech[i] for i in batch], batch_first=True), torch.from_numpy(lengths[batch]))
        for batch in batches
    ]


@torch.inference_mode()
def bare_encoder(ours: ESPnetUttModel, batches: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    """The encoder alone."""
    with ours.autocast():
        for speech, num_samples in batches:
            ours.encoder(speech, num_samples)


def main() -> None:
    """Alternate the three and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dump", type=Path, default=Path("dump/test_sent"))
    parser.add_argument("--attributes", type=Path, default=Path("conf/attributes_cosine.yaml"))
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3, help="counted rounds, after one that is not")
    args = parser.parse_args()
    config = small_w2v_bert(args.layers, args.dim)
    torch.manual_seed(0)
    reference = Wav2Vec2BertModel(config).eval()
    attributes = {
        name: replace(attribute, head=replace(attribute.head, hidden_dim=args.dim))
        for name, attribute in load_attributes(args.attributes).items()
    }
    ours, ours_bfloat16 = (
        ESPnetUttModel(build_encoder(config.to_dict()), attributes, autocast).eval()
        for autocast in ("float32", "bfloat16")
    )
    specs = list(read_scp(args.dump / "wav.scp").values())
    total_s = sum(map(int, read_scp(args.dump / "utt2num_samples").values())) / RATE
    batches = premade_batches(specs)
    ways: dict[str, Callable[[], object]] = {
        "extraction": lambda: UttEncoder(ours).encode([read_dumped(spec) for spec in specs]),
        "extraction, bfloat16": lambda: UttEncoder(ours_bfloat16).encode([read_dumped(spec) for spec in specs]),
        "single utterances, reference pipeline": lambda: single_utterances(reference, ours, specs),
        "bare encoder, pre-made batches": lambda: bare_encoder(ours, batches),
        "bare encoder, pre-made batches, bfloat16": lambda: bare_encoder(ours_bfloat16, batches),
    }
    seconds = dict.fromkeys(ways, 0.0)
    for index in range(args.rounds + 1):
        for name, run in ways.items():
            started = time.perf_counter()
            run()
            if index:
                seconds[name] += time.perf_counter() - started
    rates = {name: args.rounds * total_s / time_s for name, time_s in seconds.items()}
    print(f"{len(specs)} utterances, {total_s:.0f} s of audio\n")
    print("| way | s of audio per second | extraction is | extraction in bfloat16 is |\n|---|---|---|---|")
    for name, rate in rates.items():
        ratios = [rates[way] / rate for way in ("extraction", "extraction, bfloat16")]
        print(f"| {name} | {rate:.1f} | {ratios[0]:.2f} x | {ratios[1]:.2f} x |")
    print(f"\n{torch.get_num_threads()} threads, torch {torch.__version__}")


if __name__ == "__main__":
    main()
