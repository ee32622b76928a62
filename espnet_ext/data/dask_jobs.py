"""Jobs on a Dask cluster that runs already, or on one that Slurm starts for us."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from espnet_ext.utils.errors import UserError

try:
    from distributed import Client, Future, KilledWorker
    from distributed.client import FutureCancelledError, FuturesCancelledError

    from espnet_ext.data.dask_workers import WorkerMonitor
    from espnet_ext.data.slurm_jobs import start_slurm_cluster
except ImportError as missing:
    raise UserError(
        f"--executor: executors other than `local` need Dask ({missing}); run tools/install.sh, "
        f"or tools/venv/bin/python -m pip install distributed dask-jobqueue"
    ) from missing

# Jobs that the scheduler knows at once: enough for a large cluster, and its memory does not grow with the corpus.
MAX_SUBMITTED = 500

_alone = threading.Lock()  # held by the one thread of a worker that runs a job


def run_on_dask[Job, Result](
    function: Callable[[Job], Result], jobs: Sequence[Job], where: str, max_workers: int
) -> Iterator[tuple[Job, Result]]:
    """Run jobs on a Dask cluster, as `data.executor.run_jobs` describes.

    The scheduler gives a job whose worker died to another worker, up to three times
    (`distributed.scheduler.allowed-failures`).

    Args:
        where: `slurm`, or the address or scheduler file of a cluster.
        max_workers: maximum number of workers in Slurm.

    Raises:
        UserError: a job killed its workers, the cluster was without workers for a minute, or cancelled the jobs.
    """
    waiting = enumerate(jobs)
    submitted: dict[Future, Job] = {}
    with _connect(where, max_workers) as (client, monitor):

        def submit_next(count: int) -> None:
            for number, job in islice(waiting, count):
                key = f"{function.__name__}-{client.id}-{number}"
                submitted[client.submit(_run_alone, function, job, Path.cwd(), key=key, pure=False)] = job

        submit_next(MAX_SUBMITTED)
        try:
            while submitted:
                for future in monitor.wait_for_any(list(submitted)):
                    result = monitor.result(future)
                    yield submitted.pop(future), result
                    submit_next(1)
        except KilledWorker as error:
            raise UserError(
                f"{error.allowed_failures + 1} workers died of the same job (out of memory?): "
                f"give them more memory and run the same command again; what is done is kept"
            ) from error
        except (FutureCancelledError, FuturesCancelledError) as error:
            raise UserError(
                f"the Dask cluster cancelled the work ({error}): run the same command again; what is done is kept"
            ) from error


def _run_alone[Job, Result](function: Callable[[Job], Result], job: Job, folder: Path) -> Result:
    """Run a job in a worker, in the working directory of the command: paths can be relative to it.

    A worker runs one job at a time, however many threads it has: models are not safe to share between threads.
    """
    with _alone:
        os.chdir(folder)
        return function(job)


@contextmanager
def _connect(where: str, max_workers: int) -> Iterator[tuple[Client, WorkerMonitor]]:
    """Connect to a cluster. A cluster that was started in Slurm for this client ends with it."""
    if where == "slurm":
        with (
            start_slurm_cluster(max_workers) as cluster,
            # By its address: the client then counts workers itself, without touching what adaptive scaling knows.
            Client(cluster.scheduler_address, security=cluster.security, set_as_default=False) as client,
        ):
            yield client, WorkerMonitor(client, cluster)
        return
    place = {"scheduler_file": where} if Path(where).is_file() else {"address": where}
    try:
        client = Client(**place, set_as_default=False)
    # Distributed raises the latter two for transports that are not installed.
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"--executor: no Dask scheduler answers at {where}: {error}") from error
    with client:
        yield client, WorkerMonitor(client, None)
