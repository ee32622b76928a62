"""Extraction against single utterances through the reference pipeline, and against the bare encoder, side by side.

- extraction: what stage 4 does with a shard of a dump directory: read, sort, pad, encode, all heads, write archives;
- reference: transformers' extractor and model, one utterance at a time, the same heads;
- bare: only the encoder, on batches that were decoded, sorted and padded before the clock started.

The model is the paper's with a quarter of its layers and of its widths: w2v-BERT of 6 layers of 256 (paper: 24 of
1024), a head of 256 and one of 48 that read layers 1 to 6 (1024 and 192). The heads' share of all FLOPs depends on
neither, so the bare encoder's rate is as far out of reach here as it is there; the share is counted and printed.

Same weight shapes and utterances, same process, in turns; the best round of each way is reported. If others use the
machine, compare CPU seconds. Run it after stages 1 and 2 of egs/mini_prompts:

    cd egs/mini_prompts && ../../tools/venv/bin/python ../../benchmarks/extraction_throughput.py
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from sense_training import small_w2v_bert
from torch.nn.utils.rnn import pad_sequence
from torch.utils.flop_counter import FlopCounterMode
from transformers import SeamlessM4TFeatureExtractor, Wav2Vec2BertModel

from espnet_ext.audio import RATE
from espnet_ext.config.attributes import parse_attributes
from espnet_ext.inference.extract import READ_THREADS, ReadAhead
from espnet_ext.inference.utt_encoder import UttEncoder
from espnet_ext.kaldi.archives import read_dumped
from espnet_ext.kaldi.scp import read_scp
from espnet_ext.kaldi.vectors import write_vectors
from espnet_ext.model.encoder import build_encoder
from espnet_ext.model.utt_model import AUTOCAST_DTYPES, UttModel
from espnet_ext.utils.batching import sorted_batches

# ECAPA's dimension, as a share of the encoder's.
SPEAKER_SHARE = 192 / 1024

Batches = list[tuple[torch.Tensor, torch.Tensor]]


def paper_attributes(dim: int) -> dict:
    """The paper's two attributes on an encoder of this width."""
    sources = {"sem": ("bge_m3", "text", dim), "spk": ("ecapa", "speech", int(SPEAKER_SHARE * dim))}
    block = {
        name: {
            "target": {"teacher": teacher, "from": source},
            "head": {"hidden_dim": dim, "dim": size, "first_layer": 1},
            "objective": {"name": "cosine"},
        }
        for name, (teacher, source, size) in sources.items()
    }
    return parse_attributes(block, "benchmark")


def extraction(encoder: UttEncoder, wav_scp: dict[str, str], folder: Path) -> None:
    """A shard of stage 4."""
    with ThreadPoolExecutor(READ_THREADS) as pool:
        embeddings = encoder.encode(ReadAhead(list(wav_scp.values()), pool))
    for name, vectors in embeddings.items():
        write_vectors(folder / f"{name}.ark", zip(wav_scp, vectors, strict=True))


@torch.inference_mode()
def single_utterances(model: Wav2Vec2BertModel, ours: UttModel, specs: list[str]) -> None:
    """The reference pipeline, one utterance at a time."""
    features = SeamlessM4TFeatureExtractor()
    for spec in specs:
        inputs = features(read_dumped(spec), sampling_rate=RATE, return_tensors="pt")
        hidden = model(**inputs, output_hidden_states=True).hidden_states
        everything = torch.ones(hidden[0].shape[:2], dtype=torch.bool)
        for head in ours.heads.values():
            head(list(hidden), everything)


def premade_batches(specs: list[str], batch_s: float) -> Batches:
    """All utterances, sorted by length and padded."""
    speech = [torch.from_numpy(read_dumped(spec)) for spec in specs]
    lengths = np.array([len(samples) for samples in speech])
    return [
        (pad_sequence([speech[i] for i in batch], batch_first=True), torch.from_numpy(lengths[batch]))
        for batch in sorted_batches(lengths, int(batch_s * RATE))
    ]


@torch.no_grad()
def bare_encoder(ours: UttModel, batches: Batches) -> None:
    """Only the encoder; outside of inference_mode, in which autocast would cast the weights for every batch."""
    with ours.autocast():
        for speech, num_samples in batches:
            ours.encoder(speech, num_samples)


@torch.inference_mode()
def heads_share(ours: UttModel, batch: tuple[torch.Tensor, torch.Tensor]) -> float:
    """The heads' share of all FLOPs of matrix products."""
    flops = []
    for run in (ours.encoder, ours.embed):
        with FlopCounterMode(display=False) as counter:
            run(*batch)
        flops.append(counter.get_total_flops())
    return 1 - flops[0] / flops[1]


def best_rounds(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, tuple[float, float]]:
    """The minimum seconds and CPU seconds of each way, measured in turns after one warm-up round."""
    best = dict.fromkeys(ways, (np.inf, np.inf))
    for index in range(rounds + 1):
        for name, run in ways.items():
            started_s, started_cpu_s = time.perf_counter(), time.process_time()
            run()
            if index:
                took = time.perf_counter() - started_s, time.process_time() - started_cpu_s
                best[name] = tuple(map(min, best[name], took))
    return best


def main() -> None:
    """Measure the ways in turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dump", type=Path, default=Path("dump/test_sent"))
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3, help="counted rounds, after one that is not")
    parser.add_argument("--every", type=int, default=1, help="take only every so manieth utterance")
    args = parser.parse_args()
    config = small_w2v_bert(args.layers, args.dim)
    torch.manual_seed(0)
    reference = Wav2Vec2BertModel(config).eval()
    models = {
        name: UttModel(build_encoder(config.to_dict()), paper_attributes(args.dim), name).eval()
        for name in AUTOCAST_DTYPES
    }
    wav_scp = dict(list(read_scp(args.dump / "wav.scp").items())[:: args.every])
    specs = list(wav_scp.values())
    batches = premade_batches(specs, UttEncoder(models["float32"]).batch_s)
    total_s = sum(int(num_samples.sum()) for _, num_samples in batches) / RATE
    with tempfile.TemporaryDirectory() as folder:
        ways: dict[str, Callable[[], object]] = {
            "single utterances, reference pipeline": lambda: single_utterances(reference, models["float32"], specs)
        }
        for name, model in models.items():
            ways[f"bare encoder, {name}"] = lambda model=model: bare_encoder(model, batches)
            ways[f"extraction, {name}"] = lambda model=model: extraction(UttEncoder(model), wav_scp, Path(folder))
        best = best_rounds(ways, args.rounds)
    print(f"{len(specs)} utterances, {total_s:.0f} s of audio")
    print(f"heads: {100 * heads_share(models['float32'], batches[-1]):.1f} % of the extraction FLOPs\n")
    print("| way | s of audio per s | per CPU s | CPU, x single utterances | CPU, % of bare encoder |")
    print("|---|---|---|---|---|")
    single_s = best["single utterances, reference pipeline"][1]
    for name, (wall_s, cpu_s) in best.items():
        bare_s = best[name.replace("extraction", "bare encoder")][1]
        print(
            f"| {name} | {total_s / wall_s:.1f} | {total_s / cpu_s:.1f} | {single_s / cpu_s:.2f} "
            f"| {100 * bare_s / cpu_s:.0f} |"
        )
    print(f"\n{torch.get_num_threads()} threads, torch {torch.__version__}")


if __name__ == "__main__":
    main()
