"""The audio dump against only decoding, side by side on the same files, for one process and more.

The floor is the minimum of every dump: decoding every file and resampling it to 16 kHz, nothing written. The dump
does that, and also checks, encodes, writes and flushes. All run through the same executor and shards.

    tools/venv/bin/python benchmarks/dump_throughput.py --data_dir egs/mini_prompts/data/train
    tools/venv/bin/python benchmarks/dump_throughput.py --format m4a    # made-up clips, in VoxCeleb2's format
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import soundfile

from espnet_ext.audio import ARK_FORMATS, RATE
from espnet_ext.audio.waveform import AudioSource, read_source, resample
from espnet_ext.dump import dump
from espnet_ext.dump.dump import AudioJob, DurationLimits, ShardJob, dump_shard, plan_shards
from espnet_ext.dump.dump_dir import plan_jobs
from espnet_ext.dump.executor import Executor, run_jobs
from espnet_ext.kaldi.data_dir import DataDir

NUM_CLIPS, CLIP_S = 50, 8.0


class Work(NamedTuple):
    """A measured function of shards, and the format that it writes."""

    name: str
    function: Callable[[ShardJob], float]
    ark_format: str


def dumped_seconds(shard: ShardJob) -> float:
    """Seconds of audio that a shard holds."""
    return dump_shard(shard).seconds


def decode_shard(shard: ShardJob) -> float:
    """The floor: decode a shard, discard the audio, and return its seconds at 16 kHz."""
    num_samples = 0
    for job in shard.jobs:
        samples, rate = read_source(AudioSource(job.path, job.spans))
        num_samples += len(resample(samples, rate * job.speed))
    return num_samples / RATE


class Cost(NamedTuple):
    """Cost of a shard."""

    audio_s: float
    processor_s: float


FLOOR = Work("only decoding", decode_shard, "wav")
WORKS = [FLOOR, *(Work(f"dump to {name}", dumped_seconds, name) for name in ARK_FORMATS)]


def make_clips(folder: Path, suffix: str, rate: int) -> list[AudioJob]:
    """Noise with the spectrum and pauses of speech, in files of one format."""
    random = np.random.default_rng(0)
    jobs = []
    for number in range(NUM_CLIPS):
        white = random.normal(0, 1, int(CLIP_S * rate))
        pink = np.convolve(white, np.exp(-np.arange(64) / 12), mode="same")
        envelope = np.abs(np.sin(np.arange(len(pink)) * 2 * np.pi * 2 / rate)) ** 2
        samples = (0.05 * pink * envelope).clip(-1, 1).astype(np.float32)
        path = folder / f"{number:05d}.{suffix}"
        if suffix == "m4a":
            write_m4a(path, samples, rate)
        else:
            soundfile.write(path, samples, rate)
        jobs.append(AudioJob(f"clip-{number:05d}", str(path)))
    return jobs


def write_m4a(path: Path, samples: np.ndarray, rate: int) -> None:
    """Write AAC, the format of VoxCeleb2."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        container.mux([*stream.encode(frame), *stream.encode(None)])


def measure(task: tuple[Work, ShardJob]) -> Cost:
    """Process one shard in the current process."""
    work, shard = task
    started = time.process_time()
    return Cost(work.function(shard), time.process_time() - started)


def seconds_per_second(work: Work, jobs: list[AudioJob], nj: int) -> tuple[float, float]:
    """Seconds of audio per second of clock, and per second of all processes' processor time."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        shards = plan_shards(jobs, Path(folder), DurationLimits(0, 1e9), work.ark_format)
        started = time.perf_counter()
        costs = [cost for _, cost in run_jobs(measure, [(work, shard) for shard in shards], Executor(nj=nj))]
        elapsed_s = time.perf_counter() - started
    audio_s = sum(cost.audio_s for cost in costs)
    return audio_s / elapsed_s, audio_s / sum(cost.processor_s for cost in costs)


def main() -> None:
    """Measure in turns and print a table of the best of each: other load can only slow a round down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, help="data directory; clips are made up if it is not given")
    parser.add_argument(
        "--format", default="flac", choices=["flac", "wav", "ogg", "mp3", "m4a"], help="of made-up clips"
    )
    parser.add_argument("--rate", type=int, default=16000, help="of made-up clips")
    parser.add_argument("--count", type=int, default=800, help="utterances; files are read several times to make them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nj", type=int, nargs="+", default=[1, 2])
    args = parser.parse_args()
    # A multiple of the number of processes; shards of recipes are larger and have less overhead.
    dump.SHARD_UTTERANCES = max(1, args.count // (4 * max(args.nj)))
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as clips:
        if args.data_dir:
            data = DataDir(args.data_dir)
            files = plan_jobs(data, (), data.utterances)
        else:
            files = make_clips(Path(clips), args.format, args.rate)
        repeated = enumerate(islice(cycle(files), args.count))
        jobs = [job._replace(utterance=f"{number}-{job.utterance}") for number, job in repeated]
        rates = {(nj, work): [] for nj in args.nj for work in WORKS}
        for _ in range(args.rounds):
            for (nj, work), measured in rates.items():
                measured.append(seconds_per_second(work, jobs, nj))
    best = {case: np.max(measured, axis=0) for case, measured in rates.items()}
    print(f"Seconds of audio per second of wall clock, and per CPU second; {os.cpu_count()} cores\n")
    print("| processes | work | wall clock | vs. only decoding | CPU | vs. only decoding |\n|---|---|---|---|---|---|")
    for (nj, work), found in best.items():
        columns = [f"{rate:.0f} | {share:.0%}" for rate, share in zip(found, found / best[nj, FLOOR], strict=True)]
        print(f"| {nj} | {work.name} | {' | '.join(columns)} |")


if __name__ == "__main__":
    main()
