"""Audio archives of a dump directory: 16 kHz mono FLAC blobs, a fixed number of utterances each."""

import hashlib
import json
from collections.abc import Iterable
from itertools import batched
from pathlib import Path
from typing import NamedTuple

import numpy as np

from espnet_ext.data.atomic import atomic_path, write_json_atomic
from espnet_ext.data.audio import RATE, append_to_ark, resample
from espnet_ext.data.segments import AudioSource, Spans, read_source
from espnet_ext.data.stale import remove_others
from espnet_ext.errors import UserError

# Fixed, so that the bytes do not follow from the number of processes. A million utterances are a thousand
# archives of some 100 MB; a killed worker loses a minute or two.
SHARD_UTTERANCES = 1000


class AudioJob(NamedTuple):
    """One utterance to dump.

    Attributes:
        path: audio file.
        speed: other than 1 changes tempo and pitch together.
        spans: (start, end) in seconds of the parts of the file that are concatenated; () = the whole file.
    """

    utterance: str
    path: str
    speed: float = 1.0
    spans: Spans = ()


class DurationLimits(NamedTuple):
    """Seconds, at 16 kHz and after any change of speed; what lies outside is left out by rule."""

    min_s: float
    max_s: float


class ShardJob(NamedTuple):
    """One archive to write, of these utterances in this order."""

    ark: Path
    jobs: tuple[AudioJob, ...]
    limits: DurationLimits


class DumpedShard(NamedTuple):
    """What a finished archive holds.

    Attributes:
        fingerprint: of all that the archive follows from.
        offsets: utterance -> offset in the archive.
        num_samples: utterance -> samples at 16 kHz.
        left_out: utterance -> reason.
    """

    fingerprint: str
    offsets: dict[str, int]
    num_samples: dict[str, int]
    left_out: dict[str, str]


def plan_shards(jobs: Iterable[AudioJob], folder: Path, limits: DurationLimits) -> list[ShardJob]:
    """Cut the jobs, in their order, into the archives `folder/audio.<number>.ark`; others are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    shards = [
        ShardJob(folder / f"audio.{number:04d}.ark", part, limits)
        for number, part in enumerate(batched(jobs, SHARD_UTTERANCES))
    ]
    remove_others(folder, {path for shard in shards for path in (shard.ark, _index_path(shard.ark))})
    return shards


def dump_shard(shard: ShardJob) -> float:
    """Write an archive and, beside it, its index; one that was finished from the same jobs is kept.

    Returns:
        seconds of audio in it.

    Raises:
        UserError: naming utterance and file of audio that cannot be read.
    """
    fingerprint = _fingerprint(shard)
    dumped = read_shard(shard.ark)
    if dumped is None or dumped.fingerprint != fingerprint:
        # No archive may stand beside the index of another one.
        _index_path(shard.ark).unlink(missing_ok=True)
        dumped = _write_ark(shard, fingerprint)
        # The index last: it says that the archive beside it is whole.
        write_json_atomic(_index_path(shard.ark), dumped._asdict())
    return sum(dumped.num_samples.values()) / RATE


def _write_ark(shard: ShardJob, fingerprint: str) -> DumpedShard:
    dumped = DumpedShard(fingerprint, {}, {}, {})
    with atomic_path(shard.ark) as temporary, open(temporary, "wb") as file:
        for job in shard.jobs:
            samples = _read(job)
            duration = len(samples) / RATE
            if duration < shard.limits.min_s:
                dumped.left_out[job.utterance] = f"shorter than {shard.limits.min_s:g} s"
            elif duration > shard.limits.max_s:
                dumped.left_out[job.utterance] = f"longer than {shard.limits.max_s:g} s"
            else:
                dumped.offsets[job.utterance] = append_to_ark(file, job.utterance, samples)
                dumped.num_samples[job.utterance] = len(samples)
    return dumped


def read_shard(ark: Path) -> DumpedShard | None:
    """The index of a finished archive, or None where there is none."""
    path = _index_path(ark)
    if not path.is_file() or not ark.is_file():
        return None
    return DumpedShard(**json.loads(path.read_text(encoding="utf-8")))


def _read(job: AudioJob) -> np.ndarray:
    try:
        samples, rate = read_source(AudioSource(job.path, job.spans))
    except UserError as error:
        raise UserError(f"utterance {job.utterance}: {error}") from error
    # Played `speed` times as fast: as if it had been sampled at a higher rate.
    return resample(samples, rate * job.speed)


def _index_path(ark: Path) -> Path:
    return ark.with_suffix(".json")


def _fingerprint(shard: ShardJob) -> str:
    """Changes with anything that an archive follows from."""
    digest = hashlib.sha256(repr(shard.limits).encode())
    for job in shard.jobs:
        path = Path(job.path)
        status = path.stat() if path.is_file() else None
        digest.update(repr((job, status and (status.st_size, status.st_mtime_ns))).encode())
    return digest.hexdigest()
