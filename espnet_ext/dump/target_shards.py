"""Shards of teacher targets: the items that a teacher embeds into one archive, the unit of an interrupted run."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from espnet_ext.audio import RATE
from espnet_ext.kaldi.archives import archive_of, check_dumped_length, read_dumped, write_ark
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.teachers import AbsTeacher
from espnet_ext.utils.errors import UserError

# A killed run loses one shard at most; a teacher holds one batch in memory. In texts, or samples.
SHARD_SIZE = {"text": 2000, "speech": 600 * RATE}
BATCH_SIZE = {"text": 2000, "speech": 600 * RATE}
# The shards of a large corpus are larger instead of more.
MAX_SHARDS = 2000
# kaldiio's float32 vector: "\0BFV ", "\4", int32 length.
VECTOR_HEADER_BYTES = 10


@dataclass(frozen=True, slots=True)
class Item:
    """A text or the audio of an utterance to embed; utterances with the same text share an item.

    Attributes:
        utterance: the first utterance that has it.
        content: a text, or the `path:offset` of dumped audio.
        size: 1 for a text, samples for audio.
    """

    utterance: str
    content: str
    size: int


@dataclass(frozen=True)
class Shard:
    """Items whose vectors share an archive. Its name is a hash of everything that determines its bytes."""

    ark: Path
    items: tuple[Item, ...]

    def _ends(self, dim: int) -> list[int]:
        """Offset of the end of each item's vector."""
        sizes = (len(item.utterance.encode()) + 1 + VECTOR_HEADER_BYTES + 4 * dim for item in self.items)
        return list(accumulate(sizes))

    def is_done(self, dim: int) -> bool:
        """Whether the archive exists and is complete."""
        return self.ark.is_file() and self.ark.stat().st_size == self._ends(dim)[-1]

    def specs(self, dim: int) -> Iterator[tuple[Item, str]]:
        """Each item with the `path:offset` of its vector."""
        for item, end in zip(self.items, self._ends(dim), strict=True):
            yield item, f"{self.ark}:{end - 4 * dim - VECTOR_HEADER_BYTES}"


def target_items(data: DataDir, modality: str, text_lang: str | None = None) -> dict[str, Item]:
    """Utterance -> the item to embed, its text or its audio; utterances without a text are not included.

    Args:
        text_lang: read the translations `text.<text_lang>` instead of `text`.

    Raises:
        UserError: a file of the dump directory is damaged, does not list an utterance, or has no such translations.
    """
    if text_lang and (modality != "text" or data.read(f"text.{text_lang}") is None):
        raise UserError(
            f"--text_lang {text_lang}: {data.path}/text.{text_lang} "
            + ("is absent" if modality == "text" else "cannot be read by a speech teacher")
            + "; leave the option out"
        )
    if modality == "text":
        first: dict[str, Item] = {}
        texts = data.read(f"text.{text_lang}" if text_lang else "text") or {}
        return {
            utterance: first.setdefault(texts[utterance], Item(utterance, texts[utterance], 1))
            for utterance in data.utterances
            if utterance in texts
        }
    for utterance in data.utterances:
        if utterance not in data.utt2num_samples:
            raise UserError(f"{data.path}/utt2num_samples: {utterance} is not in it; run stage 2 again")
    return {
        utterance: Item(utterance, spec, data.utt2num_samples[utterance]) for utterance, spec in data.wav_scp.items()
    }


def make_shards(
    items: Iterable[Item], folder: Path, name: str, teacher: AbsTeacher, options: Mapping[str, Any]
) -> list[Shard]:
    """Cut distinct items, in their order, into the shards `<folder>/<name>.<hash>.ark`.

    Args:
        options: options of the teacher, part of the hash like its name and version.
    """
    shards = []
    ark_sizes: dict[str, int] = {}
    distinct = dict.fromkeys(items)
    budget = max(SHARD_SIZE[teacher.modality], sum(item.size for item in distinct) // MAX_SHARDS)
    for part in _cut(distinct, budget):
        recipe: list[Any] = [teacher.name, teacher.version, teacher.normalisation, options]
        recipe += [(item.utterance, _identity(item, teacher.modality, ark_sizes), item.size) for item in part]
        ark = archive_of(folder, name, json.dumps(recipe, sort_keys=True).encode())
        shards.append(Shard(ark, part))
    return shards


def _identity(item: Item, modality: str, ark_sizes: dict[str, int]) -> str:
    """The text, or name, offset and size of the audio's archive, whose name contains a checksum.

    Folders are not included, so that a moved dump keeps its targets.
    """
    if modality == "text":
        return item.content
    ark, _, offset = item.content.rpartition(":")
    if not offset.isdecimal():
        raise UserError(f"utterance {item.utterance}: {item.content!r} is not `archive:offset`; give a dump directory")
    if ark not in ark_sizes:
        if not Path(ark).is_file():
            raise UserError(f"{ark}: no such archive, but it contains {item.utterance}; run stage 2 again")
        ark_sizes[ark] = Path(ark).stat().st_size
    return f"{Path(ark).name}:{offset}:{ark_sizes[ark]}"


def _cut(items: Iterable[Item], budget: int) -> Iterator[tuple[Item, ...]]:
    """Consecutive items of a total size of at most `budget`; a larger item forms its own part."""
    part: list[Item] = []
    size = 0
    for item in items:
        if part and size + item.size > budget:
            yield tuple(part)
            part, size = [], 0
        part.append(item)
        size += item.size
    if part:
        yield tuple(part)


def embed_shard(teacher: AbsTeacher, shard: Shard) -> None:
    """Write a shard's archive of float32 (dim,) vectors atomically.

    Raises:
        UserError: the audio cannot be read or is not of the listed length, or the teacher's vector is not finite.
    """
    write_ark(shard.ark, _embed_items(teacher, shard.items))


def _embed_items(teacher: AbsTeacher, items: Iterable[Item]) -> Iterator[tuple[str, np.ndarray]]:
    for batch in _cut(items, BATCH_SIZE[teacher.modality]):
        inputs: list[str] | list[np.ndarray] = [item.content for item in batch]
        if teacher.modality == "speech":
            inputs = [read_dumped(item.content) for item in batch]
            for item, samples in zip(batch, inputs, strict=True):
                check_dumped_length(item.utterance, item.content, len(samples), item.size)
        for item, vector in zip(batch, teacher.embed(inputs), strict=True):
            if not np.isfinite(vector).all():
                raise UserError(
                    f"utterance {item.utterance}: teacher {teacher.name} has no vector for "
                    f"{item.content!r} (silence, or no known word); leave the utterance out"
                )
            yield item.utterance, vector
