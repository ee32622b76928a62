"""Jobs on this machine: results do not depend on the number of processes, and a killed worker loses no work."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from espnet_ext.dump.executor import Executor, run_jobs
from espnet_ext.utils.errors import UserError
from helpers.shard_jobs import Job, refuse, wait_for_another, write_shard

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
SCRIPT = """
from pathlib import Path
from helpers.shard_jobs import wait_for_ever
from espnet_ext.bin.entry import run_main
from espnet_ext.dump.executor import Executor, run_jobs

if __name__ == "__main__":
    run_main(lambda: list(run_jobs(wait_for_ever, [Path("0"), Path("1")], Executor(nj=2))))
"""


@pytest.mark.parametrize("nj", [1, 2])
def test_every_job_is_done_once(tmp_path: Path, nj: int) -> None:
    jobs = [Job(number, tmp_path) for number in range(5)]
    results = dict(run_jobs(write_shard, jobs, Executor(nj=nj)))
    assert results == {job: (job.number, os.getcwd()) for job in jobs}
    assert sorted((tmp_path / "log").read_text().splitlines()) == sorted(
        f"{event} {number}" for event in ("start", "wrote") for number in range(5)
    )


def test_one_process_does_not_import_dask(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from helpers.shard_jobs import Job, write_shard\n"
        "from espnet_ext.dump.executor import Executor, run_jobs\n"
        f"for nj, jobs in ((1, range(2)), (2, [2])): "
        f"list(run_jobs(write_shard, [Job(n, Path({str(tmp_path)!r})) for n in jobs], Executor(nj=nj)))\n"
        "print({'dask', 'distributed'} & set(sys.modules))"
    )
    assert python("-c", script).communicate()[0] == "set()\n"
    assert [(tmp_path / f"{number}.shard").read_text() for number in range(3)] == ["shard 0", "shard 1", "shard 2"]


def test_a_killed_process_is_replaced_and_no_job_is_repeated(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    deaths = {1: "half way", 3: "when done"}
    jobs = [Job(number, tmp_path, deaths.get(number, "")) for number in range(5)]
    assert len(list(run_jobs(write_shard, jobs, Executor(nj=2)))) == 5
    assert all(job.output.read_text() == f"shard {job.number}" for job in jobs)
    lines = (tmp_path / "log").read_text().splitlines()
    assert sorted(line for line in lines if line.startswith("wrote")) == [f"wrote {number}" for number in range(5)]
    assert capfd.readouterr() == ("", "")


def test_a_job_that_kills_every_process_gives_one_error_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    jobs = [Job(0, tmp_path), Job(1, tmp_path, "always")]
    with pytest.raises(UserError, match=r"4 workers died of the same job .* fewer --nj, .* what is done is kept"):
        list(run_jobs(write_shard, jobs, Executor(nj=2)))
    assert (tmp_path / "log").read_text().splitlines().count("start 1") == 4
    assert capfd.readouterr() == ("", "")


def test_the_error_of_a_job_is_raised_unchanged(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="^shard [01] is broken$"):
        list(run_jobs(refuse, [Job(0, tmp_path), Job(1, tmp_path)], Executor(nj=2)))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_command_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    with python("script.py", cwd=tmp_path, start_new_session=True) as process:
        # Both workers have begun.
        assert [process.stdout.readline() for _ in range(2)] == ["begun\n", "begun\n"]
        # Ctrl-C reaches all processes of the terminal.
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        # The workers inherit the output pipes, which close when the last process has ended.
        output, errors = process.communicate()
    assert output == ""
    if number == signal.SIGINT:
        assert (process.returncode, errors) == (1, "error: interrupted; run the same command again to continue\n")


def python(*words: str, **options: object) -> subprocess.Popen[str]:
    """Start a Python process that can import the jobs of the tests."""
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    environment = os.environ | {"PYTHONPATH": path}
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, *words], stdout=pipe, stderr=pipe, text=True, env=environment, **options)


@pytest.mark.parametrize(
    ("where", "nj", "message"),
    [
        *((where, 1, f"--executor: {re.escape(repr(where))} is none of `local`, `slurm`") for where in BAD_ADDRESSES),
        ("local", 0, "--nj: must be at least 1, found 0"),
    ],
)
def test_invalid_options_are_refused(where: str, nj: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Executor(where, nj)


def test_each_process_has_one_visible_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5,7")
    jobs = [tmp_path / "first", tmp_path / "second"]
    assert sorted(gpu for _, gpu in run_jobs(wait_for_another, jobs, Executor(nj=2, num_gpus=2))) == ["3", "5"]


@pytest.mark.parametrize("where", ["slurm", "tcp://10.0.0.1:8786", "tls://[::1]:1", "wss://host:443/path"])
def test_addresses_of_schedulers_are_accepted(where: str) -> None:
    assert Executor(where).where == where
