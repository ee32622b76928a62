"""Teacher targets of a dump directory: target_<attribute>.scp, its archives and its JSON."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process
from pathlib import Path

from threadpoolctl import threadpool_limits

from espnet_ext.config.attributes import TargetConfig
from espnet_ext.data.atomic import write_json_atomic
from espnet_ext.data.audio import RATE
from espnet_ext.data.data_dir import DataDir, write_scp
from espnet_ext.data.progress import audio_progress
from espnet_ext.data.target_shards import Item, Shard, embed_shard, make_shards, target_items
from espnet_ext.data.translation_targets import average_translations
from espnet_ext.errors import UserError
from espnet_ext.teachers import AbsTeacher, build_teacher

_worker_teacher: AbsTeacher | None = None  # of a worker process, made once in it


def dump_targets(dump_dir: Path, attribute: str, target: TargetConfig, num_jobs: int = 1) -> None:
    """Embed what the attribute's teacher reads and write the targets; whole shards of a killed run are kept.

    Every utterance of wav.scp is listed; `None` stands for one without a text. Utterances of the same
    text share a vector. The bytes do not depend on `num_jobs`.

    Args:
        dump_dir: dump/<set>, with wav.scp and text, or wav.scp, utt2num_samples and audio.
        attribute: names the files.
        target: its declaration.
        num_jobs: processes.

    Raises:
        UserError: an unknown teacher or option, one of the wrong modality, its package missing, a
            damaged dump directory, or an utterance of which the teacher makes nothing.
    """
    teacher = build_teacher(target.teacher, **target.options)
    if teacher.modality != target.source:
        raise UserError(
            f"attribute {attribute}: teacher {teacher.name} reads {teacher.modality}, not {target.source}; "
            f"write `from: {teacher.modality}` or name another teacher"
        )
    data = DataDir(dump_dir)
    items = target_items(data, teacher.modality)
    shards = make_shards(items.values(), dump_dir, attribute, teacher, target.options)
    _embed_shards(shards, teacher, target, f"{dump_dir}: targets {attribute}", num_jobs)
    specs: dict[Item | None, str | None] = {None: None}
    for shard in shards:
        specs.update(shard.specs(teacher.dim))
    lines = {utterance: specs[items.get(utterance)] for utterance in data.utterances}
    write_scp(dump_dir / f"target_{attribute}.scp", lines)
    description = {
        "teacher": teacher.name,
        "version": teacher.version,
        "dim": teacher.dim,
        "normalisation": teacher.normalisation,
        "from": target.source,
        "num_targets": len(items),
        "num_missing": len(lines) - len(items),
    }
    write_json_atomic(dump_dir / f"target_{attribute}.json", description)
    if target.average_translations:
        average_translations(dump_dir, attribute)
    _remove_stale(dump_dir, attribute, {shard.ark for shard in shards})


def _embed_shards(
    shards: list[Shard], teacher: AbsTeacher, target: TargetConfig, label: str, num_jobs: int
) -> None:
    """Make the shards that are not there yet, with a progress line."""
    scale, unit = (1, "texts") if teacher.modality == "text" else (1 / RATE, "s of audio")
    sizes = {shard.ark: scale * sum(item.size for item in shard.items) for shard in shards}
    pending = [shard for shard in shards if not shard.is_done(teacher.dim)]
    alone = min(num_jobs, len(pending)) <= 1
    with audio_progress(label, sum(sizes.values()), unit) as advance:
        for shard in _here(pending, teacher) if alone else _in_processes(pending, target, num_jobs):
            advance(sizes[shard.ark])


def _here(shards: list[Shard], teacher: AbsTeacher) -> Iterator[Shard]:
    for shard in shards:
        _embed(teacher, shard)
        yield shard


def _in_processes(shards: list[Shard], target: TargetConfig, num_jobs: int) -> Iterator[Shard]:
    """Embed in processes, each with a teacher of its own; yields the shards as they are done."""
    with ProcessPoolExecutor(
        min(num_jobs, len(shards)), get_context("spawn"), _start_worker, (target.teacher, target.options)
    ) as pool:
        futures = {pool.submit(_embed_in_worker, shard): shard for shard in shards}
        try:
            for future in as_completed(futures):
                future.result()
                yield futures[future]
        except BrokenProcessPool as error:
            raise UserError("a process that embeds targets died (no memory?): try --nj 1") from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _start_worker(teacher: str, options: dict) -> None:
    global _worker_teacher
    # A killed parent leaves its pool waiting for ever; its workers must go with it.
    sentinel = parent_process().sentinel
    threading.Thread(target=lambda: connection.wait([sentinel]) and os._exit(1), daemon=True).start()
    _worker_teacher = build_teacher(teacher, **options)


def _embed_in_worker(shard: Shard) -> None:
    _embed(_worker_teacher, shard)


def _embed(teacher: AbsTeacher, shard: Shard) -> None:
    # One thread each: processes share the work, and sums do not depend on the number of cores.
    with threadpool_limits(1):
        embed_shard(teacher, shard)


def _remove_stale(dump_dir: Path, attribute: str, current: set[Path]) -> None:
    """Remove archives of other teachers, options or data, and what killed processes left half-written."""
    for pattern in (f"target_{attribute}.*.ark", f".tmp-*-target_{attribute}.*.ark"):
        for ark in dump_dir.glob(pattern):
            if ark not in current:
                ark.unlink()
