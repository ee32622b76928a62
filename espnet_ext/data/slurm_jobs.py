"""Slurm jobs that run the workers of a Dask cluster."""

import os
import shlex
import subprocess
import sys

import dask
from dask_jobqueue import SLURMCluster

from espnet_ext.utils.errors import UserError

WAITING_STATES = frozenset({"PENDING", "CONFIGURING", "SUSPENDED"})


def start_slurm_cluster(max_workers: int) -> SLURMCluster:
    """Start a cluster whose workers are Slurm jobs, submitted when there is work and again after their time limit.

    The settings (queue, memory, walltime, `job-extra-directives: ["--gres=gpu:1"]` ...) are the settings of
    dask-jobqueue: `jobqueue.slurm` in ~/.config/dask/*.yaml, or variables such as DASK_JOBQUEUE__SLURM__MEMORY=8GB.

    Raises:
        UserError: no memory is set.
    """
    settings = dask.config.get("jobqueue.slurm")
    if settings["memory"] is None:
        raise UserError(
            "--executor slurm: set jobqueue.slurm.memory (of a Slurm job) in ~/.config/dask/jobqueue.yaml, "
            "or DASK_JOBQUEUE__SLURM__MEMORY=8GB"
        )
    # A worker runs one job at a time, so one core is the default, and each further core runs a further worker.
    cores = settings["cores"] or 1
    # dask-jobqueue writes the interpreter into a shell script without quoting it.
    python = settings["python"] or shlex.quote(sys.executable)
    cluster = SLURMCluster(cores=cores, processes=settings["processes"] or cores, python=python)
    # The aim is a worker for every job: a shard takes minutes, starting a worker seconds.
    cluster.adapt(minimum=0, maximum=max_workers, target_duration="1 ms")
    return cluster


def replace_ended_jobs(cluster: SLURMCluster) -> None:
    """Submit new jobs for those that Slurm no longer knows.

    Without this, dask-jobqueue waits for ever for a job that ended before its worker connected, and for a job of
    several workers.
    """
    try:
        states = _job_states()
    except subprocess.CalledProcessError:
        return
    ended = [name for name, job_id in _submitted(cluster).items() if job_id not in states]
    if ended:
        cluster.sync(cluster.scale_down, ended)  # adaptive scaling submits as many again


def describe_waiting_jobs(cluster: SLURMCluster) -> str:
    """The jobs that will start later, such as `4 jobs pending in Slurm`; empty if there are none."""
    try:
        states = _job_states()
    except subprocess.CalledProcessError as error:
        return f"squeue fails ({' '.join(error.stderr.split())})"
    count = sum(states.get(job_id) in WAITING_STATES for job_id in _submitted(cluster).values())
    return f"{count} job{'s' * (count > 1)} pending in Slurm" if count else ""


def _submitted(cluster: SLURMCluster) -> dict[str, str]:
    """Job ids by the name of the job."""
    return {name: job.job_id for name, job in list(cluster.workers.items())}


def _job_states() -> dict[str, str]:
    """State of every job of this user that has not ended, by job id."""
    command = ["squeue", "--noheader", "--format=%i %T", f"--user={os.getuid()}"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(line.split() for line in output.splitlines())
