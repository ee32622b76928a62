"""Workers in Slurm. Scripts replace its commands: a job is a process group of this machine."""

import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import dask
import dask_jobqueue  # noqa: F401 - its defaults, which the settings below complete
import pytest

from espnet_ext.dump import cluster as cluster_module
from espnet_ext.dump.executor import Executor, run_jobs
from espnet_ext.utils.errors import UserError
from helpers import shard_jobs
from helpers.shard_jobs import Job, write_shard

# Behavior of a job, by the content of `$jobs/mode`.
COMMANDS = {
    "sbatch": r"""
cp "$1" "$jobs/last.sh"
case "$(cat "$jobs/mode")" in
    runs) setsid bash "$jobs/last.sh" >"$jobs/log" 2>&1 & ;;
    "runs later") setsid bash -c 'until [ "$(wc -l <"$1/calls")" -ge 3 ]; do sleep 0.1; done; . "$1/last.sh"' \
        - "$jobs" >"$jobs/log" 2>&1 & ;;
    ends) setsid true & ;;
    hangs) setsid sleep 9999 >"$jobs/log" 2>&1 & ;;
esac
echo "$!" >>"$jobs/ids"
echo "Submitted batch job $!"
""",
    "scancel": 'kill -- "-$1"\n',
    # A worker connects when it is ready, whatever Slurm reports: PENDING until then makes no test depend on its speed.
    "squeue": r"""
echo call >>"$jobs/calls"
state=PENDING
[ "$(cat "$jobs/mode")" != hangs ] || state=RUNNING
while read -r id; do
    # A process that has ended may stay as a zombie.
    [ ! -e "/proc/$id" ] || grep -q '^State:.*[ZX]' "/proc/$id/status" || echo "$id $state"
done <"$jobs/ids" 2>/dev/null
exit 0
""",
}


@pytest.fixture
def jobs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Folder of a Slurm whose jobs run at once."""
    folder, bin_ = tmp_path / "jobs", tmp_path / "bin"
    folder.mkdir()
    bin_.mkdir()
    (folder / "calls").touch()
    (folder / "mode").write_text("runs")
    for name, script in COMMANDS.items():
        (bin_ / name).write_text(f"#!/bin/bash\njobs={shlex.quote(str(folder))}\n{script}")
        (bin_ / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    # A worker is a new process, which imports the functions of the jobs.
    path = os.pathsep.join([str(Path(shard_jobs.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.setattr(cluster_module, "MAX_WITHOUT_WORKERS_S", 1.0)
    settings = {"memory": "1GB", "queue": "cpu", "death-timeout": 1200}
    with dask.config.set({f"jobqueue.slurm.{name}": value for name, value in settings.items()}):
        yield folder


def num_submitted(folder: Path) -> int:
    return len((folder / "ids").read_text().splitlines())


def test_slurm_starts_the_workers(jobs_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A path of Python with characters that need quoting.
    python = tmp_path / "it's my" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/bash\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    assert sorted(run_jobs(abs, [-1, -2, -3], Executor("slurm", nj=1))) == [(-3, 3), (-2, 2), (-1, 1)]
    assert num_submitted(jobs_folder) == 1
    assert "#SBATCH -p cpu" in (jobs_folder / "last.sh").read_text()


def test_pending_jobs_are_waited_for_with_progress_lines(jobs_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (jobs_folder / "mode").write_text("runs later")
    assert list(run_jobs(abs, [-1], Executor("slurm"))) == [(-1, 1)]
    assert "\n  waiting for workers: 1 job pending in Slurm\n" in "\n" + capfd.readouterr().err


def test_a_lost_job_of_several_workers_is_replaced(jobs_folder: Path, tmp_path: Path) -> None:
    jobs = [Job(number, tmp_path, {1: "with all"}.get(number, "")) for number in range(4)]
    with dask.config.set({"jobqueue.slurm.cores": 2}):
        results = dict(run_jobs(write_shard, jobs, Executor("slurm", nj=2)))
    assert results == {job: (job.number, os.getcwd()) for job in jobs}
    log = (tmp_path / "log").read_text().splitlines()
    assert sorted(line for line in log if line.startswith("wrote")) == [f"wrote {number}" for number in range(4)]
    assert num_submitted(jobs_folder) == 2


@pytest.mark.parametrize("mode", ["ends", "hangs"])
def test_jobs_without_workers_are_an_error(jobs_folder: Path, mode: str) -> None:
    (jobs_folder / "mode").write_text(mode)
    with pytest.raises(
        UserError, match="no job is pending in Slurm and no worker has connected for 1 s: read the logs"
    ):
        list(run_jobs(abs, [-1], Executor("slurm")))


def test_the_error_names_a_machine_without_slurm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with dask.config.set({"jobqueue.slurm.memory": "1GB"}), pytest.raises(UserError, match="no command sbatch"):
        list(run_jobs(abs, [-1], Executor("slurm")))


def test_the_error_names_missing_settings() -> None:
    with pytest.raises(UserError, match="--executor slurm: set jobqueue.slurm.memory"):
        list(run_jobs(abs, [-1], Executor("slurm")))
