"""Embeddings of recordings, written as one npz file or as Kaldi archives."""

from itertools import batched
from pathlib import Path

import numpy as np

from espnet_ext.data.atomic import atomic_path
from espnet_ext.data.audio import RATE, audio_length, read_dumped
from espnet_ext.data.places import is_dumped
from espnet_ext.data.progress import audio_progress
from espnet_ext.data.segments import AudioSource
from espnet_ext.data.vectors import write_vectors
from espnet_ext.errors import UserError
from espnet_ext.hub.inference import UttEncoder

# Recordings passed to the model together: enough to sort by length, few enough to show progress.
CHUNK_RECORDINGS = 256


def embed(encoder: UttEncoder, sources: dict[str, AudioSource], dims: dict[str, int]) -> dict[str, np.ndarray]:
    """attribute -> (recordings, dim), in the order of `sources`, with progress."""
    parts: list[dict[str, np.ndarray]] = []
    durations = {identity: duration_s(audio) for identity, audio in sources.items()}
    with audio_progress("embeddings", sum(durations.values())) as advance:
        for chunk in batched(sources, CHUNK_RECORDINGS):
            parts.append(encoder.encode([sources[identity] for identity in chunk], dims=dims))
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
