"""A Dask cluster: nothing is lost with a worker that is killed, and nothing done twice."""

import os
import shlex
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import dask
import pytest
from distributed import Client, LocalCluster
from shard_jobs import Job, refuse, write_shard

from espnet_ext.data import dask_jobs, dump
from espnet_ext.data.dump import DurationLimits
from espnet_ext.data.dump_dir import DumpOptions, dump_data_dir
from espnet_ext.data.executor import Executor, run_jobs
from espnet_ext.errors import UserError

NUM_JOBS = 12


@pytest.fixture(scope="module")
def processes() -> Iterator[LocalCluster]:
    """Two processes, which are started again when they are killed."""
    with LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None) as cluster:
        yield cluster


@pytest.fixture
def cluster(processes: LocalCluster) -> LocalCluster:
    """The cluster when both are there."""
    with Client(processes, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
    return processes


def events(folder: Path, name: str) -> Counter[int]:
    lines = (folder / "log").read_text().splitlines()
    return Counter(int(line.split()[1]) for line in lines if line.startswith(name))


def test_what_a_killed_worker_had_not_finished_is_done_again_and_nothing_else(
    cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_jobs, "MAX_SUBMITTED", 5)
    deaths = {5: "half way", 8: "when done"}
    jobs = [Job(number, tmp_path, deaths.get(number, "")) for number in range(NUM_JOBS)]
    results = dict(run_jobs(write_shard, jobs, Executor(cluster.scheduler_address)))
    assert results == {job: (job.number, os.getcwd()) for job in jobs}
    assert all(job.output.read_text() == f"shard {job.number}" for job in jobs)
    assert events(tmp_path, "wrote") == dict.fromkeys(range(NUM_JOBS), 1)
    assert all(events(tmp_path, "start")[number] > 1 for number in deaths)
    # What is there is not written again by another run either.
    assert len(list(run_jobs(write_shard, jobs, Executor(cluster.scheduler_address)))) == NUM_JOBS
    assert events(tmp_path, "wrote").total() == NUM_JOBS


def test_a_job_that_kills_every_worker_ends_in_one_line(
    cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 1)
    with pytest.raises(UserError, match=r"2 workers died of the same job .* what is done is kept"):
        list(run_jobs(write_shard, [Job(0, tmp_path, "always")], Executor(cluster.scheduler_address)))
    assert events(tmp_path, "start")[0] == 2


def test_a_fault_of_the_input_is_told_as_it_is(cluster: LocalCluster, tmp_path: Path) -> None:
    jobs = [Job(number, tmp_path) for number in range(3)]
    with pytest.raises(UserError, match="^shard [012] is broken$"):
        list(run_jobs(refuse, jobs, Executor(cluster.scheduler_address)))


def test_an_audio_dump_whose_worker_is_killed_has_the_bytes_of_an_undisturbed_one(
    cluster: LocalCluster, make_data_dir: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump, "SHARD_UTTERANCES", 2)
    data = make_data_dir("train", {f"a-{number:02}": 16000 + number for number in range(24)})
    limits = DurationLimits(0, 10)
    dump_data_dir(data, tmp_path / "dump", DumpOptions(limits), lambda _: None)
    (tmp_path / "dump").rename(tmp_path / "undisturbed")
    pids = {worker.pid for worker in cluster.workers.values()}

    def kill_one(_seconds: float) -> None:
        if len(pids) == 2:
            os.kill(pids.pop(), signal.SIGKILL)

    options = DumpOptions(limits, executor=Executor(cluster.scheduler_address))
    assert dump_data_dir(data, tmp_path / "dump", options, kill_one).num_utterances == 24
    assert len(pids) == 1
    assert contents(tmp_path / "dump") == contents(tmp_path / "undisturbed")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_scheduler_that_does_not_answer_is_named() -> None:
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "100 ms"}),
        pytest.raises(UserError, match="no Dask scheduler answers at tcp://127.0.0.1:1: "),
    ):
        list(run_jobs(abs, [-1], Executor("tcp://127.0.0.1:1")))


def test_slurm_is_asked_for_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its two commands are played by scripts: a job is a process of this machine, whose Python's path needs quoting."""
    bin_, job, python = tmp_path / "bin", tmp_path / "job.sh", tmp_path / "it's my" / "python"
    bin_.mkdir()
    python.parent.mkdir()
    python.write_text(f'#!/bin/bash\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    commands = {
        "sbatch": f'cp "$1" {job}\nsetsid bash {job} >/dev/null 2>&1 &\necho "Submitted batch job $!"\n',
        "scancel": 'kill -- "-$1"\n',
    }
    for name, script in commands.items():
        (bin_ / name).write_text(f"#!/bin/bash\n{script}")
        (bin_ / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    with dask.config.set({"jobqueue.slurm.memory": "1GB", "jobqueue.slurm.queue": "cpu"}):
        assert sorted(run_jobs(abs, [-1, -2, -3], Executor("slurm", nj=1))) == [(-3, 3), (-2, 2), (-1, 1)]
    assert "#SBATCH -p cpu" in job.read_text()


def test_settings_that_slurm_lacks_are_named() -> None:
    with pytest.raises(UserError, match="--executor slurm: set jobqueue.slurm.memory"):
        list(run_jobs(abs, [-1], Executor("slurm")))
