"""Turn data/<set> into dump/<set>: audio archives, and the set's files for the utterances in them."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from espnet_ext.data.atomic import write_text_atomic
from espnet_ext.data.data_dir import DataDir, invert, write_scp
from espnet_ext.data.dump import AudioJob, DumpedShard, DurationLimits, dump_shards
from espnet_ext.data.left_out import LeftOut
from espnet_ext.data.trials import read_trials
from espnet_ext.data.validate import validate_data_dir
from espnet_ext.errors import UserError


@dataclass(frozen=True)
class DumpOptions:
    """How to dump.

    Attributes:
        speeds: speed factors of perturbed copies of the real utterances, besides the originals.
        nj: processes; the result does not depend on it.
    """

    limits: DurationLimits
    speeds: Sequence[float] = ()
    nj: int = 1


def perturbed_name(name: str, speed: float) -> str:
    """Name of a copy at another speed, of an utterance or a speaker (a changed pitch is another voice)."""
    return name if speed == 1 else f"sp{speed:g}-{name}"


def plan_jobs(data: DataDir, speeds: Sequence[float]) -> list[AudioJob]:
    """Every utterance, and every real one at each further speed, sorted by name.

    Synthetic speech has voices and tempos enough without copies.
    """
    sources = data.utt2source or {}
    jobs = [AudioJob(utterance, path) for utterance, path in data.wav_scp.items()]
    for speed in speeds:
        jobs += [
            AudioJob(perturbed_name(utterance, speed), path, speed)
            for utterance, path in data.wav_scp.items()
            if sources.get(utterance) != "synthetic"
        ]
    return sorted(jobs)


def dump_data_dir(
    data_dir: str | Path, dump_dir: str | Path, options: DumpOptions, on_shard: Callable[[DumpedShard], None]
) -> LeftOut:
    """Dump one set. A dump that was killed goes on where it was, to the same bytes.

    Args:
        on_shard: called after each finished archive, for progress.

    Returns:
        the utterances left out by their duration, also listed in `dump_dir/left_out.tsv`.

    Raises:
        UserError: naming the utterance and file that cannot be read, or the trial list that needs
            an utterance left out.
    """
    validate_data_dir(data_dir)
    data, dump = DataDir(data_dir), Path(dump_dir).absolute()
    # Its presence says that the dump is whole.
    (dump / "wav.scp").unlink(missing_ok=True)
    jobs = plan_jobs(data, options.speeds)
    shards = dump_shards(jobs, dump / "audio", options.limits, options.nj, on_shard)
    left_out = _collect_left_out(jobs, shards)
    num_samples = {utterance: count for shard in shards for utterance, count in shard.num_samples.items()}
    if not num_samples:
        raise UserError(
            f"{data_dir}: every utterance is left out ({left_out.summary()}); check the duration limits"
        )
    _write_columns(data, dump, {job.utterance: job for job in jobs if job.utterance in num_samples})
    write_scp(dump / "utt2num_samples", num_samples)
    _copy_others(data, dump, num_samples)
    left_out.write(dump / "left_out.tsv")
    places = {utterance: f"{s.ark}:{offset}" for s in shards for utterance, offset in s.offsets.items()}
    write_scp(dump / "wav.scp", places)
    return left_out


def _collect_left_out(jobs: Sequence[AudioJob], shards: Sequence[DumpedShard]) -> LeftOut:
    paths = {job.utterance: job.path for job in jobs}
    left_out = LeftOut()
    for shard in shards:
        for utterance, reason in shard.left_out.items():
            left_out.add(utterance, paths[utterance], reason)
    return left_out


def _write_columns(data: DataDir, dump: Path, jobs: Mapping[str, AudioJob]) -> None:
    """Copy `text` and every utt2*, a perturbed copy taking the values of its original."""
    for file in sorted(data.path.iterdir()):
        if file.name == "utt2num_samples" or not (file.name.startswith("utt2") or file.name == "text"):
            continue
        column = data.read(file.name)
        copy = {}
        for utterance, job in jobs.items():
            original = utterance.removeprefix(perturbed_name("", job.speed))
            if original in column:
                value = column[original]
                copy[utterance] = perturbed_name(value, job.speed) if file.name == "utt2spk" else value
        write_scp(dump / file.name, copy)
        if file.name == "utt2spk":
            write_scp(dump / "spk2utt", invert(copy))


def _copy_others(data: DataDir, dump: Path, dumped: Mapping[str, int]) -> None:
    for name, path in data.trials().items():
        try:
            read_trials(path, dumped)
        except UserError as error:
            raise UserError(
                f"{error} any more: it was left out by its duration; change the limits"
            ) from error
        write_text_atomic(dump / "trials" / name, path.read_text(encoding="utf-8"))
    if (data.path / "provenance.json").is_file():
        shutil.copyfile(data.path / "provenance.json", dump / "provenance.json")
