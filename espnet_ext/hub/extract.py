"""Embeddings of a dump directory, shard by shard."""

from collections.abc import Iterator, Sequence
from itertools import batched
from pathlib import Path

import kaldiio
import numpy as np

from espnet_ext.data.atomic import atomic_path
from espnet_ext.data.audio import read_dumped
from espnet_ext.data.data_dir import read_scp, write_scp
from espnet_ext.data.stale import remove_temporary
from espnet_ext.hub.inference import UttEncoder

SHARD_UTTERANCES = 512


def extract(encoder: UttEncoder, attributes: Sequence[str], wav_scp: dict[str, str], folder: Path) -> Iterator[int]:
    """Write `<attribute>.scp` over `<attribute>.<shard>.ark` for all attributes; whole shards are kept.

    Args:
        encoder: the model.
        attributes: its attributes.
        wav_scp: utterance -> entry of dumped audio.
        folder: where to write; must hold nothing of another model.

    Yields:
        samples that were done, after every shard.
    """
    remove_temporary(folder)
    shards = list(batched(wav_scp, SHARD_UTTERANCES))
    for index, utterances in enumerate(shards):
        num_samples = 0
        if not all((folder / f"{name}.{index}.scp").exists() for name in attributes):
            speech = [read_dumped(wav_scp[utterance]) for utterance in utterances]
            num_samples = sum(map(len, speech))
            for name, vectors in encoder.encode(speech).items():
                write_vectors(folder / f"{name}.{index}.ark", dict(zip(utterances, vectors, strict=True)))
        yield num_samples
    for name in attributes:
        parts = [read_scp(folder / f"{name}.{index}.scp") for index in range(len(shards))]
        write_scp(folder / f"{name}.scp", {u: entry for part in parts for u, entry in part.items()})


def write_vectors(ark: Path, vectors: dict[str, np.ndarray]) -> None:
    """Write float32 vectors (dim,) by utterance to a kaldiio archive and the scp file of the same name."""
    entries = {}
    with atomic_path(ark) as temporary, temporary.open("wb") as stream:
        for utterance, vector in vectors.items():
            # An scp entry points behind the key and its space.
            entries[utterance] = f"{ark}:{stream.tell() + len(utterance.encode()) + 1}"
            kaldiio.save_ark(stream, {utterance: vector})
    write_scp(ark.with_suffix(".scp"), entries)
