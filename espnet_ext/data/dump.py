"""Audio archives of a dump directory: 16 kHz mono FLAC blobs, a fixed number of utterances each."""

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from pathlib import Path
from typing import NamedTuple

import numpy as np

from espnet_ext.data.atomic import atomic_path, write_json_atomic
from espnet_ext.data.audio import RATE, append_to_ark, read_audio, resample
from espnet_ext.data.pool import process_pool
from espnet_ext.data.stale import remove_others
from espnet_ext.errors import UserError

# Fixed, so that the bytes do not follow from the number of processes.
SHARD_SIZE = 1000


class AudioJob(NamedTuple):
    """One utterance to dump; `speed` other than 1 changes tempo and pitch together."""

    utterance: str
    path: str
    speed: float = 1.0


class DurationLimits(NamedTuple):
    """Seconds, at 16 kHz and after any change of speed; what lies outside is left out by rule."""

    min_s: float
    max_s: float


class DumpedShard(NamedTuple):
    """What a finished shard holds.

    Attributes:
        offsets: utterance -> offset in `ark`.
        num_samples: utterance -> samples at 16 kHz.
        left_out: utterance -> reason.
    """

    ark: Path
    offsets: dict[str, int]
    num_samples: dict[str, int]
    left_out: dict[str, str]


def dump_shards(
    jobs: Sequence[AudioJob],
    folder: Path,
    limits: DurationLimits,
    nj: int,
    on_shard: Callable[[DumpedShard], None],
) -> list[DumpedShard]:
    """Write `folder/<shard>.ark`; a shard that was finished from the same jobs is kept.

    Args:
        jobs: in the order in which they are stored.
        nj: processes.
        on_shard: called after each shard, for progress.

    Returns:
        the shards in order.

    Raises:
        UserError: naming utterance and file of audio that cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = [jobs[start : start + SHARD_SIZE] for start in range(0, len(jobs), SHARD_SIZE)]
    arks = [folder / f"audio.{number:04d}.ark" for number in range(len(parts))]
    remove_others(folder, {path for ark in arks for path in (ark, _index_path(ark))})
    shards: dict[Path, DumpedShard] = {}
    with process_pool(nj, __name__) as executor:
        futures = [executor.submit(dump_shard, part, ark, limits) for part, ark in zip(parts, arks, strict=True)]
        try:
            for future in as_completed(futures):
                shard = future.result()
                shards[shard.ark] = shard
                on_shard(shard)
        except BaseException:
            executor.shutdown(cancel_futures=True)
            raise
    return [shards[ark] for ark in arks]


def dump_shard(jobs: Sequence[AudioJob], ark: Path, limits: DurationLimits) -> DumpedShard:
    """Write one shard, or read its index if it is finished; see `dump_shards`."""
    fingerprint = _fingerprint(jobs, limits)
    finished = _read_index(ark, fingerprint)
    if finished is not None:
        return finished
    offsets: dict[str, int] = {}
    num_samples: dict[str, int] = {}
    left_out: dict[str, str] = {}
    # No archive may stand beside the index of another one.
    _index_path(ark).unlink(missing_ok=True)
    with atomic_path(ark) as temporary, open(temporary, "wb") as file:
        for job in jobs:
            samples = _read(job)
            duration = len(samples) / RATE
            if duration < limits.min_s:
                left_out[job.utterance] = f"shorter than {limits.min_s:g} s"
            elif duration > limits.max_s:
                left_out[job.utterance] = f"longer than {limits.max_s:g} s"
            else:
                offsets[job.utterance] = append_to_ark(file, job.utterance, samples)
                num_samples[job.utterance] = len(samples)
    # The index last: it says that the archive beside it is whole.
    index = {"fingerprint": fingerprint, "offsets": offsets, "num_samples": num_samples, "left_out": left_out}
    write_json_atomic(_index_path(ark), index)
    return DumpedShard(ark, offsets, num_samples, left_out)


def _read(job: AudioJob) -> np.ndarray:
    try:
        samples, rate = read_audio(job.path)
    except UserError as error:
        raise UserError(f"utterance {job.utterance}: {error}") from error
    # Played `speed` times as fast: as if it had been sampled at a higher rate.
    return resample(samples, rate * job.speed)


def _index_path(ark: Path) -> Path:
    return ark.with_suffix(".json")


def _fingerprint(jobs: Sequence[AudioJob], limits: DurationLimits) -> str:
    """Changes with anything that a shard follows from."""
    digest = hashlib.sha256(repr(limits).encode())
    for job in jobs:
        path = Path(job.path)
        status = path.stat() if path.is_file() else None
        digest.update(repr((job, status and (status.st_size, status.st_mtime_ns))).encode())
    return digest.hexdigest()


def _read_index(ark: Path, fingerprint: str) -> DumpedShard | None:
    """The finished shard of these very jobs, or None."""
    path = _index_path(ark)
    if not path.is_file() or not ark.is_file():
        return None
    index = json.loads(path.read_text(encoding="utf-8"))
    if index["fingerprint"] != fingerprint:
        return None
    return DumpedShard(ark, index["offsets"], index["num_samples"], index["left_out"])
