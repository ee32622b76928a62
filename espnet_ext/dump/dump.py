"""Audio archives of a dump directory: 16 kHz mono, 16 bits, a fixed number of utterances each."""

import hashlib
import json
import zlib
from collections.abc import Iterable
from itertools import batched
from pathlib import Path
from typing import NamedTuple

import numpy as np

from espnet_ext.audio import MIN_SAMPLES, RATE
from espnet_ext.audio.waveform import AudioSource, Spans, read_source, resample, to_int16
from espnet_ext.kaldi.archives import append_to_ark
from espnet_ext.utils.atomic import atomic_path, write_json_atomic
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.provenance import read_json

# Fixed, so that the bytes do not follow from the number of processes. A million utterances are a thousand
# archives of some 200 MB; a killed worker loses a minute or two.
SHARD_UTTERANCES = 1000


def perturbed_name(name: str, speed: float) -> str:
    """Name of a copy at another speed, of an utterance or a speaker (a changed pitch is another voice)."""
    return name if speed == 1 else f"sp{speed:g}-{name}"


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

    @property
    def original(self) -> str:
        """Name of the utterance in the data directory."""
        return self.utterance.removeprefix(perturbed_name("", self.speed))


class DurationLimits(NamedTuple):
    """Seconds, at 16 kHz and after any change of speed; what lies outside is left out by rule."""

    min_s: float
    max_s: float


class ShardJob(NamedTuple):
    """One archive to write, of these utterances in this order.

    Attributes:
        stem: absolute path that its files' names begin with, `.../audio.<number>`.
        ark_format: one of `audio.ARK_FORMATS`.
    """

    stem: Path
    jobs: tuple[AudioJob, ...]
    limits: DurationLimits
    ark_format: str

    def file(self, suffix: str) -> Path:
        """`<stem>.<suffix>`; the number in the stem is not a suffix."""
        return self.stem.with_name(f"{self.stem.name}.{suffix}")

    @property
    def index_file(self) -> Path:
        return self.file("json")


class DumpedShard(NamedTuple):
    """Content of the index of a finished archive.

    Attributes:
        fingerprint: hash of everything that determines the archive.
        ark: its file name, which contains a checksum of the samples, so that wav.scp changes with the audio.
        offsets: utterance -> offset in the archive.
        num_samples: utterance -> samples at 16 kHz.
        excluded: utterance -> reason.
    """

    fingerprint: str
    ark: str
    offsets: dict[str, int]
    num_samples: dict[str, int]
    excluded: dict[str, str]


def plan_shards(jobs: Iterable[AudioJob], folder: Path, limits: DurationLimits, ark_format: str) -> list[ShardJob]:
    """Cut the jobs, in their order, into the archives of `folder`, which is made where it is absent."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        ShardJob(folder.absolute() / f"audio.{number:04d}", part, limits, ark_format)
        for number, part in enumerate(batched(jobs, SHARD_UTTERANCES))
    ]


class ShardResult(NamedTuple):
    """Seconds of audio that were dumped now; and utterance -> error of the audio that cannot be read."""

    seconds: float
    errors: dict[str, str]


def dump_shard(shard: ShardJob) -> ShardResult:
    """Write an archive and, next to it, its index; an archive that was finished from the same jobs is kept.

    An archive is not finished while audio of it cannot be read or is too short for the encoders: all errors are
    returned, not only the first, each naming utterance and file.
    """
    fingerprint = _fingerprint(shard)
    if _is_done(shard, fingerprint):
        return ShardResult(0.0, {})
    for old in shard.stem.parent.glob(f"{shard.stem.name}.*"):
        old.unlink()
    errors: dict[str, str] = {}
    dumped = _write_ark(shard, fingerprint, errors)
    if errors:
        shard.stem.with_name(dumped.ark).unlink()
        return ShardResult(0.0, errors)
    # The index is written last: an archive with an index is complete.
    write_json_atomic(shard.index_file, dumped._asdict())
    return ShardResult(sum(dumped.num_samples.values()) / RATE, {})


def read_shard(shard: ShardJob) -> DumpedShard:
    """The index of a finished archive."""
    return DumpedShard(**json.loads(shard.index_file.read_text(encoding="utf-8")))


def _is_done(shard: ShardJob, fingerprint: str) -> bool:
    # An index of another version may lack the other keys.
    found = read_json(shard.index_file) or {}
    return found.get("fingerprint") == fingerprint and shard.stem.with_name(found["ark"]).is_file()


def _write_ark(shard: ShardJob, fingerprint: str, errors: dict[str, str]) -> DumpedShard:
    """Write an archive; utterances that cannot be read are added to `errors`."""
    dumped = DumpedShard(fingerprint, "", {}, {}, {})
    checksum = 0
    unnamed = shard.file("ark")
    with atomic_path(unnamed) as temporary, open(temporary, "wb") as file:
        for job in shard.jobs:
            try:
                samples = _read(job)
            except UserError as error:
                errors[job.utterance] = str(error)
                continue
            duration = len(samples) / RATE
            if duration < shard.limits.min_s:
                dumped.excluded[job.utterance] = f"shorter than {shard.limits.min_s:g} s"
            elif duration > shard.limits.max_s:
                dumped.excluded[job.utterance] = f"longer than {shard.limits.max_s:g} s"
            elif len(samples) < MIN_SAMPLES:
                errors[job.utterance] = (
                    f"utterance {job.utterance}: {job.path}: {len(samples)} samples at 16 kHz are "
                    f"too short for the encoders, which need {MIN_SAMPLES}"
                )
            else:
                pcm = to_int16(samples)
                dumped.offsets[job.utterance] = append_to_ark(file, job.utterance, pcm, shard.ark_format)
                dumped.num_samples[job.utterance] = len(pcm)
                checksum = zlib.crc32(pcm, checksum)
    ark = shard.file(f"{checksum:08x}.ark")
    unnamed.rename(ark)
    return dumped._replace(ark=ark.name)


def _read(job: AudioJob) -> np.ndarray:
    try:
        samples, rate = read_source(AudioSource(job.path, job.spans))
    except UserError as error:
        raise UserError(f"utterance {job.utterance}: {error}") from error
    # Played `speed` times as fast: as if it had been sampled at a higher rate.
    return resample(samples, rate * job.speed)


def _fingerprint(shard: ShardJob) -> str:
    """Changes with anything that an archive follows from."""
    digest = hashlib.sha256(repr((shard.limits, shard.ark_format)).encode())
    for job in shard.jobs:
        path = Path(job.path)
        status = path.stat() if path.is_file() else None
        digest.update(repr((job, status and (status.st_size, status.st_mtime_ns))).encode())
    return digest.hexdigest()
