"""Recordings whose vectors follow from the bytes of their files: no model is needed."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from espnet_ext.audio.waveform import AudioSource
from espnet_ext.inference.embed_files import embed_missing
from espnet_ext.search.index import SearchIndex
from espnet_ext.search.query import Match, QueryTerm, search

DIMS = {"sem": 16, "spk": 6, "lang": 3}
MANIFEST = {"model": {"model.json": "a" * 64, "model.safetensors": "b" * 64}, "autocast": "float32", "attributes": DIMS}
Embed = Callable[[Sequence[AudioSource]], tuple[dict[str, np.ndarray], dict[int, str]]]


def content_vectors(sources: Sequence[AudioSource]) -> dict[str, np.ndarray]:
    """attribute -> (recordings, dim) unit rows; files of the same content have the same."""
    seeds = [int.from_bytes(hashlib.sha256(Path(source.path).read_bytes()).digest()[:8]) for source in sources]
    vectors = {
        name: np.reshape([np.random.default_rng(seed).standard_normal(dim) for seed in seeds], (-1, dim))
        for name, dim in DIMS.items()
    }
    return {
        name: (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32) for name, rows in vectors.items()
    }


def embed_content(sources: Sequence[AudioSource]) -> tuple[dict[str, np.ndarray], dict[int, str]]:
    """`content_vectors`, of recordings that can all be read."""
    return content_vectors(sources), {}


class ToyEncoder:
    """Embeds by a function."""

    def __init__(self, embed: Embed) -> None:
        self.embed = embed

    def encode_readable(self, audio: Sequence[AudioSource]) -> tuple[dict[str, np.ndarray], dict[int, str]]:
        return self.embed(audio)


def build_index(
    folder: Path,
    sources: Mapping[str, AudioSource],
    embed: Embed = embed_content,
    errors: dict[str, str] | None = None,
    manifest: Mapping = MANIFEST,
) -> SearchIndex:
    """Add recordings to an index as `search build` does; errors: see `make_entries`."""
    folder.mkdir(exist_ok=True)
    index = SearchIndex.open_or_create(folder, manifest)
    _, found = embed_missing(ToyEncoder(embed), sources, index, errors is not None)
    if errors is not None:
        errors |= found
    return SearchIndex(folder)


class Recordings:
    """Files in a folder, by id."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def make(self, *names: str, content: str = "") -> dict[str, AudioSource]:
        """Write a file for each name, with unique content unless `content` is given."""
        for name in names:
            (self.folder / f"{name}.wav").write_text(content or name)
        return {name: AudioSource(f"{self.folder}/{name}.wav") for name in names}


def ask(index: SearchIndex, top: int = 100) -> list[Match]:
    """Answer a query for two attributes."""
    random = np.random.default_rng(0)
    terms = [QueryTerm("sem", "a", 1.0, random.normal(size=16)), QueryTerm("lang", "b", -0.5, random.normal(size=3))]
    return search(index, terms, top)
