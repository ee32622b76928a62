"""Teacher targets of a dump directory: target_<attribute>.scp, its archives and its JSON."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from threadpoolctl import threadpool_limits

from espnet_ext.audio import RATE
from espnet_ext.config.attributes import TeacherTarget
from espnet_ext.dump.executor import Executor, run_jobs
from espnet_ext.dump.target_shards import Item, Shard, embed_shard, make_shards, target_items
from espnet_ext.dump.translation_targets import average_translations
from espnet_ext.kaldi.archives import remove_old_archives
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.scp import write_scp
from espnet_ext.teachers import DEFAULT_RUNTIME, AbsTeacher, Runtime, build_teacher, check_target
from espnet_ext.utils.atomic import write_json_atomic
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.progress import audio_progress

LOCAL = Executor()


class EmbedJob(NamedTuple):
    """A shard and the teacher that embeds it."""

    teacher: str
    options_json: str
    runtime: Runtime
    shard: Shard


def dump_targets(
    dump_dir: Path,
    attribute: str,
    target: TeacherTarget,
    executor: Executor = LOCAL,
    *,
    runtime: Runtime = DEFAULT_RUNTIME,
    head_dim: int | None = None,
    text_lang: str | None = None,
) -> None:
    """Embed the texts or the audio with the attribute's teacher; complete shards of a killed run are kept.

    Every utterance of wav.scp is listed, with `None` if it has no text. Utterances of the same text share a vector.
    The bytes do not depend on the executor.

    Args:
        dump_dir: dump/<set>, with wav.scp and text, or wav.scp, utt2num_samples and audio.
        attribute: name of the attribute, for the file names.
        target: its declaration.
        executor: where teachers run; on a machine with GPUs, one process for each GPU.
        runtime: the teacher's device and offline weights.
        head_dim: dimension of the attribute's head, which must be the teacher's.
        text_lang: embed the translations `text.<text_lang>` instead, into `target_<attribute>.<text_lang>.scp`.

    Raises:
        UserError: an unknown teacher or option, a wrong modality or dimension, a missing package, a damaged dump
            directory, or an utterance for which the teacher has no vector.
    """
    check_target(target, f"attribute {attribute}")
    data = DataDir(dump_dir)
    items = target_items(data, target.source, text_lang)
    name = f"target_{attribute}" + (f".{text_lang}" if text_lang else "")
    # A teacher may have gigabytes of weights: it is not loaded if there is nothing to embed.
    if items or head_dim is None:
        specs, facts = _embed_items(items, dump_dir, name, target, executor, runtime, head_dim)
    else:
        print(f"  {dump_dir}: no utterance has a text, so every {name} is None")
        specs, facts = {}, {"version": None, "dim": head_dim, "normalisation": None}
    lines = {utterance: specs[items[utterance]] if utterance in items else None for utterance in data.utterances}
    write_scp(dump_dir / f"{name}.scp", lines)
    counts = {"num_targets": len(items), "num_missing": len(lines) - len(items)}
    write_json_atomic(dump_dir / f"{name}.json", {"teacher": target.teacher, **facts, "from": target.source, **counts})
    if target.average_translations and not text_lang:
        average_translations(dump_dir, attribute)
    remove_old_archives(dump_dir, name, {spec.rpartition(":")[0] for spec in specs.values()})


def _embed_items(
    items: Mapping[str, Item],
    dump_dir: Path,
    name: str,
    target: TeacherTarget,
    executor: Executor,
    runtime: Runtime,
    head_dim: int | None,
) -> tuple[dict[Item, str], dict[str, str | int | None]]:
    """Locator of each item's vector, and the description of the teacher."""
    _teacher.cache_clear()
    options = json.dumps(target.options)
    teacher = _teacher(target.teacher, options, runtime)
    if head_dim is not None and teacher.dim != head_dim:
        raise UserError(
            f"{name}: the vectors of teacher {teacher.name} have {teacher.dim} dimensions, "
            f"the head has {head_dim}; write `head: {{dim: {teacher.dim}}}`"
        )
    shards = make_shards(items.values(), dump_dir, name, teacher, target.options)
    pending = [EmbedJob(target.teacher, options, runtime, s) for s in shards if not s.is_done(teacher.dim)]
    if executor.where == "local" and teacher.num_gpus:
        executor = Executor("local", teacher.num_gpus, teacher.num_gpus)
    scale, unit = (1, "texts") if target.source == "text" else (1 / RATE, "s of audio")
    sizes = {shard.ark: scale * sum(item.size for item in shard.items) for shard in shards}
    with audio_progress(f"{dump_dir}: {name}", sum(sizes.values()), unit) as advance:
        for job, _ in run_jobs(embed, pending, executor):
            advance(sizes[job.shard.ark])
    specs = {item: spec for shard in shards for item, spec in shard.specs(teacher.dim)}
    return specs, {"version": teacher.version, "dim": teacher.dim, "normalisation": teacher.normalisation}


def embed(job: EmbedJob) -> None:
    """Write one shard, in any process."""
    teacher = _teacher(job.teacher, job.options_json, job.runtime)
    # A worker that died may have completed the shard.
    if not job.shard.is_done(teacher.dim):
        # One thread: processes share the work, and sums do not depend on the number of cores.
        with threadpool_limits(1):
            embed_shard(teacher, job.shard)


@lru_cache(maxsize=1)
def _teacher(name: str, options_json: str, runtime: Runtime) -> AbsTeacher:
    """Build the teacher once in each process."""
    return build_teacher(name, runtime, **json.loads(options_json))
