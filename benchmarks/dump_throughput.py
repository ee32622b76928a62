"""The audio dump against decoding alone, side by side on the same files, for one process and more.

The floor is what no dump can do without: decoding every file and resampling it to 16 kHz, nothing written. The dump
does that, and also checks, encodes FLAC, writes and flushes. Both run through the same executor and shards.

    tools/venv/bin/python benchmarks/dump_throughput.py --data_dir egs/mini_prompts/data/train
    tools/venv/bin/python benchmarks/dump_throughput.py --format m4a    # made-up clips, in VoxCeleb2's format
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import av
import numpy as np
import soundfile

from espnet_ext.data import dump
from espnet_ext.data.audio import RATE, resample
from espnet_ext.data.data_dir import DataDir
from espnet_ext.data.dump import AudioJob, DurationLimits, ShardJob, dump_shard, plan_shards
from espnet_ext.data.dump_dir import plan_jobs
from espnet_ext.data.executor import Executor, run_jobs
from espnet_ext.data.segments import AudioSource, read_source

CLIP_S = 8.0


def decode_shard(shard: ShardJob) -> float:
    """The floor: seconds of 16 kHz audio in a shard, decoded and thrown away."""
    num_samples = 0
    for job in shard.jobs:
        samples, rate = read_source(AudioSource(job.path, job.spans))
        num_samples += len(resample(samples, rate * job.speed))
    return num_samples / RATE


def make_clips(folder: Path, suffix: str, count: int, rate: int) -> list[AudioJob]:
    """Noise with the spectrum and pauses of speech, in files of one format."""
    random = np.random.default_rng(0)
    jobs = []
    for number in range(count):
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
    """AAC, as VoxCeleb2 comes."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        container.mux([*stream.encode(frame), *stream.encode(None)])


def seconds_per_second(function, jobs: list[AudioJob], nj: int) -> tuple[float, float]:
    """Seconds of audio per second of clock, and per second of this machine's processor time."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        shards = plan_shards(jobs, Path(folder), DurationLimits(0, 1e9))
        started, cpu = time.perf_counter(), sum(os.times()[:4])
        audio_s = sum(seconds for _, seconds in run_jobs(function, shards, Executor(nj=nj)))
        elapsed_s, cpu_s = time.perf_counter() - started, sum(os.times()[:4]) - cpu
    return audio_s / elapsed_s, audio_s / max(cpu_s, 1e-9)


def main() -> None:
    """Take turns and print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, help="data directory; clips are made up if it is not given")
    parser.add_argument(
        "--format", default="flac", choices=["flac", "wav", "ogg", "mp3", "m4a"], help="of made-up clips"
    )
    parser.add_argument("--rate", type=int, default=16000, help="of made-up clips")
    parser.add_argument("--count", type=int, default=400, help="utterances at most")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nj", type=int, nargs="+", default=[1, 2])
    args = parser.parse_args()
    # As many shards as processes can share evenly; the recipes' are larger, and their overhead smaller.
    dump.SHARD_UTTERANCES = max(1, args.count // (4 * max(args.nj)))
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as clips:
        if args.data_dir:
            jobs = plan_jobs(DataDir(args.data_dir), ())[: args.count]
        else:
            jobs = make_clips(Path(clips), args.format, args.count, args.rate)
        rates = {(nj, function): [] for nj in args.nj for function in (decode_shard, dump_shard)}
        for _ in range(args.rounds):
            for (nj, function), measured in rates.items():
                measured.append(seconds_per_second(function, jobs, nj))
    print("| processes | decoding alone, s of audio per s | dump | share of the decoder's rate |\n|---|---|---|---|")
    for nj in args.nj:
        decode, dumped = (np.median(rates[nj, function], axis=0)[0] for function in (decode_shard, dump_shard))
        print(f"| {nj} | {decode:.0f} | {dumped:.0f} | {100 * dumped / decode:.0f} % |")
    decode, dumped = (np.median(rates[args.nj[0], function], axis=0)[1] for function in (decode_shard, dump_shard))
    print(f"\nper s of processor time, {args.nj[0]} process: {decode:.0f} and {dumped:.0f}; {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
