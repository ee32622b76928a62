"""Jobs on a Dask cluster that runs already, or on one that Slurm starts for us."""

import os
import shlex
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from espnet_ext.errors import UserError

try:
    import dask
    from dask_jobqueue import SLURMCluster
    from distributed import Client, Future, KilledWorker, as_completed
    from distributed.client import FutureCancelledError
except ImportError as missing:
    raise UserError(
        f"--executor: what is not local needs Dask ({missing}); run tools/install.sh, "
        f"or tools/venv/bin/python -m pip install distributed dask-jobqueue"
    ) from missing

# Jobs that the scheduler knows of at once: enough for a large cluster, and its memory does not grow with the corpus.
MAX_SUBMITTED = 500

_alone = threading.Lock()  # of a worker


def run_on_dask[Job, Result](
    function: Callable[[Job], Result], jobs: Sequence[Job], where: str, max_workers: int
) -> Iterator[tuple[Job, Result]]:
    """As `data.executor.run_jobs`, which says what a job must be.

    The scheduler gives a job whose worker died to another worker, up to three times
    (`distributed.scheduler.allowed-failures`).

    Args:
        where: `slurm`, or address or scheduler file of a cluster.
        max_workers: that Slurm is asked for.
    """
    waiting = enumerate(jobs)
    submitted: dict[str, Job] = {}
    with _connect(where, max_workers) as client:

        def submit_next(count: int) -> list[Future]:
            futures = []
            for number, job in islice(waiting, count):
                key = f"{function.__name__}-{client.id}-{number}"
                futures.append(client.submit(_run_alone, function, job, Path.cwd(), key=key, pure=False))
                submitted[key] = job
            return futures

        done = as_completed(submit_next(MAX_SUBMITTED), loop=client.loop, with_results=True)
        try:
            for future, result in done:
                yield submitted.pop(future.key), result
                done.update(submit_next(1))
        except KilledWorker as error:
            raise UserError(
                f"{error.allowed_failures + 1} workers died of the same job (out of memory?): "
                f"give them more memory and run the same command again; what is done is kept"
            ) from error
        except FutureCancelledError as error:
            raise UserError(
                f"the Dask cluster gave the work up ({error}): run the same command again; what is done is kept"
            ) from error


def _run_alone[Job, Result](function: Callable[[Job], Result], job: Job, folder: Path) -> Result:
    """Run a job in a worker, from the folder the command was started in: paths may be relative to it.

    One at a time, however many threads the worker has: models are not safe to share between threads.
    """
    with _alone:
        os.chdir(folder)
        return function(job)


@contextmanager
def _connect(where: str, max_workers: int) -> Iterator[Client]:
    """A client of the cluster; one that Slurm started for us ends with it."""
    if where == "slurm":
        with _slurm_cluster(max_workers) as cluster, Client(cluster, set_as_default=False) as client:
            yield client
        return
    place = {"scheduler_file": where} if Path(where).is_file() else {"address": where}
    try:
        client = Client(**place, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UserError(f"--executor: no Dask scheduler answers at {where}: {error}") from error
    with client:
        yield client


def _slurm_cluster(max_workers: int) -> SLURMCluster:
    """Workers that Slurm starts when there is work, and again when one met its time limit.

    Settings (queue, memory, walltime, `job-extra-directives: ["--gres=gpu:1"]` ...) are those of dask-jobqueue:
    `jobqueue.slurm` in ~/.config/dask/*.yaml, or variables such as DASK_JOBQUEUE__SLURM__MEMORY=8GB.
    """
    settings = dask.config.get("jobqueue.slurm")
    if settings["memory"] is None:
        raise UserError(
            "--executor slurm: set jobqueue.slurm.memory (of a Slurm job) in ~/.config/dask/jobqueue.yaml, "
            "or DASK_JOBQUEUE__SLURM__MEMORY=8GB"
        )
    # One job at a time in a worker, so one core is the default, and each further core a further worker.
    cores = settings["cores"] or 1
    # dask-jobqueue writes the interpreter into a shell script as it is.
    python = settings["python"] or shlex.quote(sys.executable)
    cluster = SLURMCluster(cores=cores, processes=settings["processes"] or cores, python=python)
    # The aim is a worker for every job: a shard takes minutes, starting a worker seconds.
    cluster.adapt(minimum=0, maximum=max_workers, target_duration="1 ms")
    return cluster
