"""Embed audio with a packed model: `python -m espnet_ext.bin.embed --model packed --out out.npz a.wav folder/`."""

import argparse
from itertools import batched
from pathlib import Path

import numpy as np
import torch

from espnet_ext.bin.entry import run_main
from espnet_ext.data.atomic import atomic_path
from espnet_ext.data.audio import RATE, audio_length, read_dumped
from espnet_ext.data.audio_sources import list_sources
from espnet_ext.data.places import is_dumped
from espnet_ext.data.progress import audio_progress
from espnet_ext.data.segments import AudioSource
from espnet_ext.data.vectors import write_vectors
from espnet_ext.errors import UserError
from espnet_ext.hub.inference import UttEncoder
from espnet_ext.hub.source_reader import SourceReader

# Recordings that are handed to the model at once: enough to sort by length, few enough to show progress.
CHUNK_RECORDINGS = 256


def parse_args() -> argparse.Namespace:
    """Options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path, nargs="+", help="audio files, folders, data or dump directories")
    parser.add_argument("--model", required=True, help="folder or zip file of a packed model, or its hub id")
    parser.add_argument("--out", type=Path, required=True, help="X.npz, or a folder for kaldi archives")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--autocast", choices=["float32", "bfloat16"], default="float32", help="dtype of products")
    parser.add_argument(
        "--dims", action="append", default=[], metavar="NAME=SIZE", help="size to cut an attribute's embeddings to"
    )
    parser.add_argument("--downmix", action="store_true", help="average the channels of files that have several")
    return parser.parse_args()


def parse_dims(entries: list[str]) -> dict[str, int]:
    """attribute -> size, of the option `--dims`; UserError for an entry that is no NAME=SIZE."""
    pairs = dict(entry.partition("=")[::2] for entry in entries)
    if wrong := [name for name, size in pairs.items() if not size.isdecimal()]:
        raise UserError(f"--dims {wrong[0]}: expected NAME=SIZE such as sem=64")
    return {name: int(size) for name, size in pairs.items()}


def embed(encoder: UttEncoder, sources: dict[str, AudioSource], dims: dict[str, int]) -> dict[str, np.ndarray]:
    """attribute -> (recordings, dim), in the order of `sources`, with progress."""
    parts: list[dict[str, np.ndarray]] = []
    durations = {identity: duration_s(audio) for identity, audio in sources.items()}
    with audio_progress("embeddings", sum(durations.values())) as advance:
        for chunk in batched(sources, CHUNK_RECORDINGS):
            parts.append(encoder.encode(SourceReader([sources[identity] for identity in chunk]), dims))
            advance(sum(durations[identity] for identity in chunk))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def duration_s(audio: AudioSource) -> float:
    """Duration from the header; dumped audio is short and has none of its own, so it is decoded."""
    if audio.spans:
        return sum(end - start for start, end in audio.spans)
    if is_dumped(audio.path):
        return len(read_dumped(audio.path)) / RATE
    num_samples, rate = audio_length(audio.path)
    return num_samples / rate


def write_embeddings(out: Path, identities: list[str], embeddings: dict[str, np.ndarray]) -> list[Path]:
    """Write one npz (`ids` and one array an attribute) or, to a folder, one kaldi archive an attribute."""
    if out.suffix == ".npz":
        with atomic_path(out) as temporary, temporary.open("wb") as stream:
            np.savez(stream, ids=np.array(identities), **embeddings)
        return [out]
    if spaced := [identity for identity in identities if " " in identity]:
        raise UserError(f"{spaced[0]}: an id with a space cannot be a key of a kaldi archive; write --out X.npz")
    for name, vectors in embeddings.items():
        write_vectors(out / f"{name}.ark", zip(identities, vectors, strict=True))
    return [out / f"{name}.scp" for name in embeddings]


def main() -> None:
    """Embed everything, then write."""
    args = parse_args()
    dims = parse_dims(args.dims)
    sources = list_sources(args.audio)
    encoder = UttEncoder.from_pretrained(args.model, args.device, args.autocast, args.downmix)
    for path in write_embeddings(args.out, list(sources), embed(encoder, sources, dims)):
        print(path)


if __name__ == "__main__":
    run_main(main)
