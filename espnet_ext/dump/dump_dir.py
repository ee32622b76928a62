"""Turn data/<set> into dump/<set>: audio archives, and the set's files for the utterances in them."""

import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from espnet_ext.audio import RATE
from espnet_ext.dump.dump import AudioJob, DurationLimits, ShardJob, dump_shard, perturbed_name, plan_shards, read_shard
from espnet_ext.dump.executor import Executor, run_jobs
from espnet_ext.kaldi.data_dir import DataDir, choose_subset
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.kaldi.trials import read_trials, write_trials
from espnet_ext.kaldi.utterances import invert
from espnet_ext.kaldi.validate import check_header_lengths, validate_data_dir
from espnet_ext.utils.atomic import remove_others
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.progress import audio_progress

UNREADABLE = "unreadable.tsv"


@dataclass(frozen=True)
class DumpOptions:
    """Options of a dump.

    Attributes:
        speeds: speed factors of perturbed copies of the real utterances, besides the originals.
        executor: place where the jobs run; the result does not depend on it.
        ark_format: format of the archives, one of `audio.ARK_FORMATS`.
        fraction: fraction of the utterances to dump, see `choose_subset`.
    """

    limits: DurationLimits
    speeds: Sequence[float] = ()
    executor: Executor = Executor()
    ark_format: str = "wav"
    fraction: float = 1.0


class Dumped(NamedTuple):
    """Result of a dump: number of dumped utterances, and utterances excluded by their duration."""

    num_utterances: int
    excluded: Exclusions


def plan_jobs(data: DataDir, speeds: Sequence[float], subset: Collection[str]) -> list[AudioJob]:
    """Every utterance of a subset, and every real one at each further speed, sorted by name.

    Synthetic speech has voices and tempos enough without copies.

    Raises:
        UserError: the name of a copy is already the name of an utterance.
    """
    kinds = data.utt2source or {}
    sources = {utterance: source for utterance, source in data.sources().items() if utterance in subset}
    jobs = [AudioJob(utterance, source.path, 1.0, source.spans) for utterance, source in sources.items()]
    for speed in speeds:
        jobs += [
            AudioJob(perturbed_name(utterance, speed), source.path, speed, source.spans)
            for utterance, source in sources.items()
            if kinds.get(utterance) != "synthetic"
        ]
    jobs.sort()
    for job, following in pairwise(jobs):
        if job.utterance == following.utterance:
            raise UserError(
                f"{data.path}: {job.utterance!r} is an utterance and the name of another one's copy; its speed is "
                "perturbed already: leave --speed_perturb out"
            )
    return jobs


def dump_data_dir(data_dir: str | Path, dump_dir: str | Path, options: DumpOptions) -> Dumped:
    """Dump one set, with a progress bar. An interrupted dump resumes and writes the same bytes.

    Args:
        dump_dir: its wav.scp contains the paths of archives as given here: relative paths start where the recipe runs.

    Returns:
        counts, and the utterances excluded by their duration, also listed in `dump_dir/excluded.tsv`.

    Raises:
        UserError: naming the utterance and file that cannot be read or whose length is not the listed one, or the
            trial list that needs an excluded utterance.
    """
    validate_data_dir(data_dir)
    data, dump = DataDir(data_dir), Path(dump_dir)
    # Its presence marks a complete dump.
    (dump / "wav.scp").unlink(missing_ok=True)
    subset = choose_subset(data, options.fraction)
    jobs = plan_jobs(data, options.speeds, subset)
    shards = plan_shards(jobs, dump / "audio", options.limits, options.ark_format)
    seconds = sum(data.utt2num_samples[job.original] / job.speed for job in jobs) / RATE
    unreadable = Exclusions()
    with audio_progress(f"{dump.name} audio", seconds) as advance:
        for shard, result in run_jobs(dump_shard, shards, options.executor):
            advance(result.seconds)
            for job in shard.jobs:
                if job.utterance in result.errors:
                    unreadable.add(job.utterance, job.path, result.errors[job.utterance])
    _check_readable(unreadable, data.path, dump / UNREADABLE)
    places, num_samples, excluded = _collect(shards, dump / "audio")
    check_header_lengths(data.path / "utt2num_samples", data.utt2num_samples, num_samples)
    if not places:
        raise UserError(f"{data_dir}: every utterance is left out ({excluded.summary()}); check the duration limits")
    _remove_old_columns(data.path, dump)
    _write_columns(data.path, dump, [job for job in jobs if job.utterance in places])
    write_scp(dump / "utt2num_samples", num_samples)
    _copy_others(data, dump, num_samples, subset)
    excluded.write(dump / "excluded.tsv")
    write_scp(dump / "wav.scp", places)
    return Dumped(len(places), excluded)


def _check_readable(unreadable: Exclusions, data_dir: Path, report: Path) -> None:
    """Refuse (UserError) a set with audio that cannot be read; all of it is listed in `report`."""
    report.unlink(missing_ok=True)
    if not unreadable.entries:
        return
    unreadable.write(report)
    first, *others = sorted(unreadable.entries)
    more = f" and {len(others)} more, listed in {report}" if others else ""
    raise UserError(f"{data_dir}: {first.reason}{more}; repair the audio, or remove the utterances from {data_dir}")


def _collect(shards: Sequence[ShardJob], folder: Path) -> tuple[dict[str, str], dict[str, int], Exclusions]:
    """`archive:offset` and samples of every dumped utterance, and the others; removes what no shard is of."""
    places: dict[str, str] = {}
    num_samples: dict[str, int] = {}
    excluded = Exclusions()
    current = set()
    for shard in shards:
        dumped = read_shard(shard)
        ark = folder / dumped.ark
        current |= {folder / shard.index_file.name, ark}
        places.update((utterance, f"{ark}:{offset}") for utterance, offset in dumped.offsets.items())
        num_samples.update(dumped.num_samples)
        for job in shard.jobs:
            if job.utterance in dumped.excluded:
                excluded.add(job.utterance, job.path, dumped.excluded[job.utterance])
    remove_others(folder, current)
    return places, num_samples, excluded


def _is_column(path: Path) -> bool:
    """Check whether a file is text, text.<language> or any utt2*."""
    return path.name.startswith(("utt2", "text.")) or path.name == "text"


def _remove_old_columns(data_dir: Path, dump: Path) -> None:
    """Remove columns and trial lists of an earlier dump that the data directory no longer has."""
    columns = [path for path in dump.iterdir() if _is_column(path)]
    for path in (*columns, *dump.glob("trials/*")):
        if not (data_dir / path.relative_to(dump)).exists():
            path.unlink()


def _write_columns(data_dir: Path, dump: Path, jobs: Sequence[AudioJob]) -> None:
    """Copy every column; a perturbed copy has the values of its original."""
    for file in sorted(data_dir.iterdir()):
        if _is_column(file) and file.name != "utt2num_samples":
            # One column at a time in memory.
            column = read_scp(file)
            copy = {job.utterance: column[job.original] for job in jobs if job.original in column}
            if file.name == "utt2spk":
                copy = {job.utterance: perturbed_name(copy[job.utterance], job.speed) for job in jobs}
                write_scp(dump / "spk2utt", invert(copy))
            write_scp(dump / file.name, copy)


def _copy_others(data: DataDir, dump: Path, dumped: Mapping[str, int], subset: set[str]) -> None:
    """Copy the provenance, and the trials whose two utterances are in the subset."""
    expected = dumped.keys() | (set(data.utterances) - subset)
    for name, path in data.trials().items():
        try:
            trials = read_trials(path, expected)
        except UserError as error:
            raise UserError(f"{error} any more: it was excluded by its duration; change the limits") from error
        write_trials(dump / "trials" / name, [trial for trial in trials if subset.issuperset(trial[1:])])
    if (data.path / "provenance.json").is_file():
        shutil.copyfile(data.path / "provenance.json", dump / "provenance.json")
