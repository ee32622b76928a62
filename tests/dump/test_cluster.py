"""A Dask cluster: no work is lost or repeated when a worker is killed."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import dask
import pytest
from distributed import Client, LocalCluster

from espnet_ext.dump import cluster as cluster_module
from espnet_ext.dump import dump, dump_dir
from espnet_ext.dump.dump import DurationLimits
from espnet_ext.dump.dump_dir import DumpOptions, dump_data_dir
from espnet_ext.dump.executor import Executor, run_jobs
from espnet_ext.utils.errors import UserError
from helpers.shard_jobs import Job, refuse, time_out, write_shard

NUM_JOBS = 12
LOST_WORKER_TIMEOUT = "distributed.deploy.lost-worker-timeout"


@pytest.fixture(scope="module")
def processes() -> Iterator[LocalCluster]:
    """Two processes that are restarted when they are killed."""
    with (
        # By default a cluster drops a worker that needs more than 15 s to restart, as on a slow machine.
        dask.config.set({LOST_WORKER_TIMEOUT: "1 hour"}),
        LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None) as cluster,
    ):
        yield cluster


@pytest.fixture
def cluster(processes: LocalCluster) -> LocalCluster:
    """The cluster with both workers connected."""
    with Client(processes, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=1200)
    return processes


def events(folder: Path, name: str) -> Counter[int]:
    lines = (folder / "log").read_text().splitlines()
    return Counter(int(line.split()[1]) for line in lines if line.startswith(name))


def test_only_unfinished_jobs_of_a_killed_worker_are_repeated(
    cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "MAX_SUBMITTED", 5)
    deaths = {5: "half way", 8: "when done"}
    jobs = [Job(number, tmp_path, deaths.get(number, "")) for number in range(NUM_JOBS)]
    results = dict(run_jobs(write_shard, jobs, Executor(cluster.scheduler_address)))
    assert results == {job: (job.number, os.getcwd()) for job in jobs}
    assert all(job.output.read_text() == f"shard {job.number}" for job in jobs)
    assert events(tmp_path, "wrote") == dict.fromkeys(range(NUM_JOBS), 1)
    assert all(events(tmp_path, "start")[number] > 1 for number in deaths)
    # Another run does not write existing outputs again either.
    assert len(list(run_jobs(write_shard, jobs, Executor(cluster.scheduler_address)))) == NUM_JOBS
    assert events(tmp_path, "wrote").total() == NUM_JOBS


def test_a_job_that_kills_every_worker_gives_one_error_line(
    cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 1)
    with pytest.raises(UserError, match=r"2 workers died of the same job .* what is done is kept"):
        list(run_jobs(write_shard, [Job(0, tmp_path, "always")], Executor(cluster.scheduler_address)))
    assert events(tmp_path, "start")[0] == 2


def test_a_cluster_without_workers_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "MAX_WITHOUT_WORKERS_S", 1.0)
    jobs = [Job(0, tmp_path, "half way"), Job(1, tmp_path)]
    with (
        dask.config.set({LOST_WORKER_TIMEOUT: "1 ms"}),  # the cluster drops a killed worker before it can start again
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
        pytest.raises(UserError, match="had no worker for 1 s: start workers and run the same command again"),
    ):
        list(run_jobs(write_shard, jobs, Executor(cluster.scheduler_address)))
    assert events(tmp_path, "start")[0] == 1


def test_a_timeout_in_a_job_is_not_reported_as_missing_workers(cluster: LocalCluster) -> None:
    with pytest.raises(TimeoutError, match="^of the job$"):
        list(run_jobs(time_out, [0], Executor(cluster.scheduler_address)))


def test_an_input_error_is_raised_unchanged(cluster: LocalCluster, tmp_path: Path) -> None:
    jobs = [Job(number, tmp_path) for number in range(3)]
    with pytest.raises(UserError, match="^shard [012] is broken$"):
        list(run_jobs(refuse, jobs, Executor(cluster.scheduler_address)))


def test_an_audio_dump_with_a_killed_worker_has_the_bytes_of_an_uninterrupted_one(
    cluster: LocalCluster, make_data_dir: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump, "SHARD_UTTERANCES", 2)
    data = make_data_dir("train", {f"a-{number:02}": 16000 + number for number in range(24)})
    limits = DurationLimits(0, 10)
    dump_data_dir(data, tmp_path / "dump", DumpOptions(limits))
    (tmp_path / "dump").rename(tmp_path / "undisturbed")
    pids = {worker.pid for worker in cluster.workers.values()}

    def kill_one(_seconds: float) -> None:
        if len(pids) == 2:
            os.kill(pids.pop(), signal.SIGKILL)

    monkeypatch.setattr(dump_dir, "audio_progress", lambda label, total_s: nullcontext(kill_one))
    options = DumpOptions(limits, executor=Executor(cluster.scheduler_address))
    assert dump_data_dir(data, tmp_path / "dump", options).num_utterances == 24
    assert len(pids) == 1
    assert contents(tmp_path / "dump") == contents(tmp_path / "undisturbed")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_error_names_a_scheduler_that_does_not_respond() -> None:
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "100 ms"}),
        pytest.raises(UserError, match="no Dask scheduler answers at tcp://127.0.0.1:1: "),
    ):
        list(run_jobs(abs, [-1], Executor("tcp://127.0.0.1:1")))
