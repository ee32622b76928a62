"""Slurm jobs that run the workers of a Dask cluster."""

import os
import shlex
import shutil
import subprocess
import sys

import dask

from espnet_ext.utils.errors import UserError

try:
    from dask_jobqueue import SLURMCluster
except ImportError as missing:
    raise UserError(f"--executor slurm: {missing}; run tools/venv/bin/python -m pip install dask-jobqueue") from missing

WAITING_STATES = ("PENDING", "CONFIGURING", "SUSPENDED")


def start_slurm_cluster(max_workers: int) -> SLURMCluster:
    """Start a cluster whose workers are Slurm jobs, submitted when there is work and again after their time limit.

    The settings (queue, memory, walltime, `job-extra-directives: ["--gres=gpu:1"]` ...) are the settings of
    dask-jobqueue: `jobqueue.slurm` in ~/.config/dask/*.yaml, or variables such as DASK_JOBQUEUE__SLURM__MEMORY=8GB.

    Raises:
        UserError: no memory is set, or the commands of Slurm are not installed.
    """
    settings = dask.config.get("jobqueue.slurm")
    if settings["memory"] is None:
        raise UserError(
            "--executor slurm: set jobqueue.slurm.memory (of a Slurm job) in ~/.config/dask/jobqueue.yaml, "
            "or DASK_JOBQUEUE__SLURM__MEMORY=8GB"
        )
    if not shutil.which("sbatch"):
        raise UserError("--executor slurm: no command sbatch on this machine; run this where jobs are submitted")
    # A worker runs one job at a time, so one core is the default, and each further core runs a further worker.
    cores = settings["cores"] or 1
    # dask-jobqueue writes the interpreter into a shell script without quoting it.
    python = settings["python"] or shlex.quote(sys.executable)
    cluster = SLURMCluster(cores=cores, processes=settings["processes"] or cores, python=python)
    # The aim is a worker for every job: a shard takes minutes, starting a worker seconds.
    cluster.adapt(minimum=0, maximum=max_workers, target_duration="1 ms")
    return cluster


def replace_ended_jobs(cluster: SLURMCluster) -> str:
    """Replace jobs that Slurm no longer lists; returns the number of pending jobs, such as `4 jobs pending in Slurm`.

    Without this, dask-jobqueue waits without limit for a job that ended before its worker connected, and for a job of
    several workers.
    """
    command = ["squeue", "--noheader", "--format=%i %T", f"--user={os.getuid()}"]
    squeue = subprocess.run(command, capture_output=True, text=True)
    if squeue.returncode:
        return f"squeue fails ({' '.join(squeue.stderr.split())})"
    states = dict(line.split() for line in squeue.stdout.splitlines())
    submitted = {name: states.get(job.job_id) for name, job in list(cluster.workers.items())}
    if ended := [name for name, state in submitted.items() if state is None]:
        cluster.sync(cluster.scale_down, ended)  # adaptive scaling submits as many again
    count = sum(state in WAITING_STATES for state in submitted.values())
    return f"{count} job{'s' * (count > 1)} pending in Slurm" if count else ""
