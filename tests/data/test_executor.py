"""Processes of this machine: the same results, whatever their number."""

import os
import re
from pathlib import Path

import pytest
from shard_jobs import Job, refuse, wait_for_another, write_shard

from espnet_ext.data.executor import Executor, run_jobs
from espnet_ext.data.pool import process_pool
from espnet_ext.utils.errors import UserError

BAD_ADDRESSES = (
    "dask",
    "",
    "tcp://",
    "tcp://host",
    "tcp://host:",
    "tcp://:8786",
    "tcp://host:a",
    "tcp://host:70000",
    "tcp://[",
)


@pytest.mark.parametrize("nj", [1, 2])
def test_every_job_is_done_once(tmp_path: Path, nj: int) -> None:
    jobs = [Job(number, tmp_path) for number in range(5)]
    results = dict(run_jobs(write_shard, jobs, Executor(nj=nj)))
    assert results == {job: (job.number, os.getcwd()) for job in jobs}
    assert sorted((tmp_path / "log").read_text().splitlines()) == sorted(
        f"{event} {number}" for event in ("start", "wrote") for number in range(5)
    )


def test_a_process_that_is_killed_ends_in_one_line_and_keeps_what_is_done(tmp_path: Path) -> None:
    jobs = [Job(0, tmp_path), Job(1, tmp_path, "half way"), Job(2, tmp_path)]
    with pytest.raises(UserError, match="a process died .* fewer --nj; what is done is kept"):
        list(run_jobs(write_shard, jobs, Executor(nj=2)))
    assert not jobs[1].output.exists()
    done = {job for job in jobs if job.output.exists()}
    assert len(list(run_jobs(write_shard, jobs, Executor(nj=2)))) == 3
    assert all(job.output.read_text() == f"shard {job.number}" for job in jobs)
    lines = (tmp_path / "log").read_text().splitlines()
    assert all(lines.count(f"wrote {job.number}") == 1 for job in set(jobs) - done)
    assert all(lines.count(f"wrote {job.number}") <= 1 for job in done)  # not again


def test_a_fault_of_the_input_is_told_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="^shard [01] is broken$"):
        list(run_jobs(refuse, [Job(0, tmp_path), Job(1, tmp_path)], Executor(nj=2)))


@pytest.mark.parametrize(
    ("where", "nj", "message"),
    [
        *((where, 1, f"--executor: {re.escape(repr(where))} is none of `local`, `slurm`") for where in BAD_ADDRESSES),
        ("local", 0, "--nj: at least 1, found 0"),
    ],
)
def test_options_without_sense_are_refused(where: str, nj: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Executor(where, nj)


def test_processes_see_the_gpus_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5,7")
    with process_pool(2, "os", num_gpus=2) as pool:
        # A pool starts a process for each task it is given while none is idle.
        first, second = pool.submit(wait_for_another, tmp_path), pool.submit(wait_for_another, tmp_path)
        assert sorted([first.result(), second.result()]) == ["3", "5"]


@pytest.mark.parametrize("where", ["slurm", "tcp://10.0.0.1:8786", "tls://[::1]:1", "wss://host:443/path"])
def test_addresses_of_schedulers_are_accepted(where: str) -> None:
    assert Executor(where).where == where
