"""What a teacher has to embed for a dump directory, cut into shards that stand or fall alone."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import kaldiio
import numpy as np

from espnet_ext.audio import RATE
from espnet_ext.kaldi.archives import archive_of, check_dumped_length, read_dumped
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.teachers import AbsTeacher
from espnet_ext.utils.atomic import atomic_path
from espnet_ext.utils.errors import UserError

# A shard is what a killed run loses at most; a batch what a teacher holds in memory. In texts, or samples.
SHARD_SIZE = {"text": 2000, "speech": 600 * RATE}
# Of a large corpus the shards are larger instead of ever more.
MAX_SHARDS = 2000
BATCH_SIZE = {"text": 2000, "speech": 600 * RATE}
# kaldiio's float32 vector: "\0BFV ", "\4", int32 length.
VECTOR_HEADER_BYTES = 10


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to embed, whoever shares it.

    Attributes:
        utterance: the first that has it.
        content: a text, or the `path:offset` of dumped audio.
        size: 1 for a text, samples for audio.
    """

    utterance: str
    content: str
    size: int


@dataclass(frozen=True)
class Shard:
    """Items whose vectors share an archive; the archive's name is a hash of all that decides its bytes."""

    ark: Path
    items: tuple[Item, ...]

    def is_done(self, dim: int) -> bool:
        """Whether the archive is there and whole."""
        sizes = (VECTOR_HEADER_BYTES + 4 * dim + len(item.utterance.encode()) + 1 for item in self.items)
        return self.ark.is_file() and self.ark.stat().st_size == sum(sizes)

    def specs(self, dim: int) -> Iterator[tuple[Item, str]]:
        """Each item with the `path:offset` of its vector."""
        offset = 0
        for item in self.items:
            offset += len(item.utterance.encode()) + 1
            yield item, f"{self.ark}:{offset}"
            offset += VECTOR_HEADER_BYTES + 4 * dim


def target_items(data: DataDir, modality: str, text_lang: str | None = None) -> dict[str, Item]:
    """What to embed for every utterance that has it: its text (one item for all that share it) or its audio.

    Args:
        text_lang: read the translations `text.<text_lang>` instead of `text`.

    Raises:
        UserError: a file of the dump directory is damaged, does not list an utterance, or holds no such translations.
    """
    if text_lang and (modality != "text" or data.read(f"text.{text_lang}") is None):
        raise UserError(
            f"--text_lang {text_lang}: {data.path}/text.{text_lang} "
            + ("is absent" if modality == "text" else "is not what a speech teacher reads")
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


def make_shards(items: Iterable[Item], folder: Path, name: str, teacher: AbsTeacher, options: dict) -> list[Shard]:
    """Cut distinct items, in their order, into the shards `<folder>/<name>.<hash>.ark`.

    Args:
        options: of the teacher, part of the hash like its name and version.
    """
    shards = []
    arks: dict[str, int] = {}
    distinct = dict.fromkeys(items)
    budget = max(SHARD_SIZE[teacher.modality], sum(item.size for item in distinct) // MAX_SHARDS)
    for part in cut(distinct, budget):
        recipe = [teacher.name, teacher.version, teacher.normalisation, options]
        recipe += [(item.utterance, _identity(item, teacher.modality, arks), item.size) for item in part]
        ark = archive_of(folder, name, json.dumps(recipe, sort_keys=True).encode())
        shards.append(Shard(ark, part))
    return shards


def _identity(item: Item, modality: str, ark_sizes: dict[str, int]) -> str:
    """The text, or where its audio lies in which archive of what size; the archive's name holds a checksum.

    Folders are left out, so that a moved dump keeps its targets.
    """
    if modality == "text":
        return item.content
    ark, _, offset = item.content.rpartition(":")
    if not offset.isdecimal():
        raise UserError(f"utterance {item.utterance}: {item.content!r} is no `archive:offset`; give a dump directory")
    if ark not in ark_sizes:
        if not Path(ark).is_file():
            raise UserError(f"{ark}: no such archive, though it holds {item.utterance}; run stage 2 again")
        ark_sizes[ark] = Path(ark).stat().st_size
    return f"{Path(ark).name}:{offset}:{ark_sizes[ark]}"


def cut(items: Iterable[Item], budget: int) -> Iterator[tuple[Item, ...]]:
    """Consecutive items of at most `budget` together; one that is larger comes alone."""
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
    """Write a shard's archive of float32 (dim,) vectors, whole or not at all.

    Raises:
        UserError: the audio cannot be read or is not of the listed length, or the teacher's vector is not finite.
    """
    with atomic_path(shard.ark) as temporary, open(temporary, "wb") as stream:
        for batch in cut(shard.items, BATCH_SIZE[teacher.modality]):
            contents = [item.content for item in batch]
            inputs = contents if teacher.modality == "text" else [read_dumped(spec) for spec in contents]
            for item, samples in zip(batch, inputs, strict=True) if teacher.modality == "speech" else ():
                check_dumped_length(item.utterance, item.content, len(samples), item.size)
            for item, vector in zip(batch, teacher.embed(inputs), strict=True):
                if not np.isfinite(vector).all():
                    raise UserError(
                        f"utterance {item.utterance}: teacher {teacher.name} has no vector for "
                        f"{item.content!r} (silence, or nothing it knows); leave the utterance out"
                    )
                kaldiio.save_ark(stream, {item.utterance: vector})
