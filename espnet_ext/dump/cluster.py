"""Clusters of dask.distributed that run the jobs of `dump.executor`: connection and loop over the jobs."""

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

import dask
import distributed.utils
from distributed import Client, Future, KilledWorker, LocalCluster, get_worker, wait

from espnet_ext.dump.executor import Executor
from espnet_ext.utils.errors import UserError

# Maximum time without workers. Slurm is queried as often.
MAX_WITHOUT_WORKERS_S = 60.0
# Jobs that the scheduler holds at once: enough for a large cluster, and its memory does not grow with the corpus.
MAX_SUBMITTED = 500
LOCAL_SETTINGS = {
    # Workers are forked from a process that has loaded the module of the jobs.
    "distributed.worker.multiprocessing-method": "forkserver",
    # Dask sets OMP_NUM_THREADS=1 here, but the results of a process must not depend on --nj.
    "distributed.nanny.pre-spawn-environ": {},
    # A killed worker that takes longer to restart is not used again.
    "distributed.deploy.lost-worker-timeout": "1 hour",
}

_one_at_a_time = threading.Lock()


def run_on_cluster[Job, Result](
    function: Callable[[Job], Result], jobs: Sequence[Job], executor: Executor
) -> Iterator[tuple[Job, Result]]:
    """Run jobs on a cluster, as described in `dump.executor.run_jobs`.

    The scheduler gives the job of a worker that died to another worker, up to three times
    (`distributed.scheduler.allowed-failures`).
    """
    waiting = iter(jobs)
    submitted: dict[Future, Job] = {}
    call = partial(_run_alone, function, Path.cwd(), executor.gpus())
    with connect(executor) as (client, wait_for_worker):

        def submit(count: int) -> None:
            submitted.update((client.submit(call, job, pure=False), job) for job in islice(waiting, count))

        submit(MAX_SUBMITTED)
        while submitted:
            try:
                for future in wait(list(submitted), MAX_WITHOUT_WORKERS_S, "FIRST_COMPLETED").done:
                    result = future.result(timeout=MAX_WITHOUT_WORKERS_S)
                    yield submitted.pop(future), result
                    submit(1)
            except TimeoutError:
                for future in submitted:
                    if future.status == "error":  # the job raised it
                        future.result()
                wait_for_worker()
            except KilledWorker as error:
                raise UserError(
                    f"{error.allowed_failures + 1} workers died of the same job (out of memory?): give them more "
                    "memory, or use fewer --nj, and run the same command again; what is done is kept"
                ) from error
            except CancelledError as error:
                raise UserError(
                    f"the Dask cluster canceled the work ({error}): run the same command again; what is done is kept"
                ) from error


@contextmanager
def connect(executor: Executor) -> Iterator[tuple[Client, Callable[[], None]]]:
    """Connect to a cluster. A cluster that is started here ends with the connection.

    Yields:
        the client; and a function that returns when the cluster has a worker, and raises a UserError if it stays
        without workers for `MAX_WITHOUT_WORKERS_S`.

    Raises:
        UserError: the scheduler cannot be reached, or Slurm is not configured.
    """
    with ExitStack() as stack:
        check_jobs = None
        place = {"scheduler_file" if Path(executor.where).is_file() else "address": executor.where}
        if executor.where == "slurm":
            # Imported late: dask-jobqueue is optional.
            from espnet_ext.dump.slurm import replace_ended_jobs, start_slurm_cluster

            cluster = stack.enter_context(start_slurm_cluster(executor.nj))
            check_jobs = partial(replace_ended_jobs, cluster)
            # Connect by address: the client then counts the workers that have connected, not those that were requested.
            place = {"address": cluster.scheduler_address, "security": cluster.security}
        elif executor.where == "local":
            place = {"address": stack.enter_context(_local_cluster(executor.nj)).scheduler_address}
        try:
            client = stack.enter_context(Client(**place))
        # Distributed raises the latter two for transports that are not installed.
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise UserError(f"--executor: no Dask scheduler answers at {executor.where}: {error}") from error
        yield client, partial(_wait_for_worker, client, check_jobs)


@contextmanager
def _local_cluster(nj: int) -> Iterator[LocalCluster]:
    """Start `nj` worker processes, which are restarted when they die."""
    # Otherwise distributed replaces the modules that `dump.executor` preloads, and imports pandas to do so.
    distributed.utils._forkserver_preload_set = True
    options = {"memory_limit": None, "dashboard_address": None, "silence_logs": logging.CRITICAL}
    with dask.config.set(LOCAL_SETTINGS), LocalCluster(n_workers=nj, threads_per_worker=1, **options) as cluster:
        yield cluster


def _run_alone[Job, Result](function: Callable[[Job], Result], folder: Path, gpus: Sequence[str], job: Job) -> Result:
    """Run a job in a worker, in the working directory of the command: paths can be relative to it.

    A worker runs one job at a time, however many threads it has: models are not safe to share between threads.

    Args:
        gpus: one of them for each local worker, in turn.
    """
    if gpus:
        # CUDA reads it at its first call, which is later.
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[get_worker().name % len(gpus)]
    with _one_at_a_time:
        os.chdir(folder)
        return function(job)


def _wait_for_worker(client: Client, check_jobs: Callable[[], str] | None) -> None:
    """Return when the cluster has a worker; wait without limit while jobs are pending in Slurm.

    Args:
        check_jobs: replaces lost jobs in Slurm and describes pending ones.
    """
    checks_left = 2 if check_jobs else 1  # a job in Slurm can have started just before the first check
    while checks_left:
        pending = check_jobs() if check_jobs else ""
        try:
            return client.wait_for_workers(1, timeout=MAX_WITHOUT_WORKERS_S)
        except TimeoutError:
            checks_left -= not pending
        if pending:
            print(f"  waiting for workers: {pending}", file=sys.stderr, flush=True)
    state, advice = "the Dask cluster had no worker", "start workers"
    if check_jobs:
        state, advice = "no job is pending in Slurm and no worker has connected", "read the logs (slurm-*.out)"
    raise UserError(
        f"{state} for {MAX_WITHOUT_WORKERS_S:.0f} s: {advice} and run the same command again; what is done is kept"
    )
