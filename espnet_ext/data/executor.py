"""Run shard jobs with dask.distributed: in processes of this machine, in Slurm jobs, or on a running cluster."""

import argparse
import logging
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from espnet_ext.errors import UserError

if TYPE_CHECKING:
    from dask_jobqueue import SLURMCluster
    from distributed import Client, Future

ADDRESS_SCHEMES = ("tcp", "tls", "ucx", "ws", "wss")
# Maximum time without workers. Slurm is queried once in this time.
MAX_WITHOUT_WORKERS_S = 60.0
# Jobs that the scheduler holds at once: enough for a large cluster, and independent of the size of the corpus.
MAX_SUBMITTED = 500
LOCAL_SETTINGS = {
    # Workers are forked from a process that has loaded the modules of the job.
    "distributed.worker.multiprocessing-method": "forkserver",
    # Dask sets OMP_NUM_THREADS=1 here. The results of a process must not depend on --nj.
    "distributed.nanny.pre-spawn-environ": {},
    # A killed worker that takes longer to restart would be given up.
    "distributed.deploy.lost-worker-timeout": "1 hour",
}

_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Executor:
    """Where jobs run.

    Attributes:
        where: `local`, `slurm`, or the address (`tcp://host:port`) or scheduler file of a running Dask cluster.
        nj: number of local processes, or maximum number of Slurm workers; not used for a running cluster.
        num_gpus: GPUs of this machine that its processes share; 0 = each process sees all GPUs.
    """

    where: str = "local"
    nj: int = 1
    num_gpus: int = 0

    def __post_init__(self) -> None:
        if self.nj < 1:
            raise UserError(f"--nj: at least 1, found {self.nj}")
        known = self.where in ("local", "slurm") or _is_address(self.where)
        if not known and not Path(self.where).is_file():
            raise UserError(
                f"--executor: {self.where!r} is none of `local`, `slurm`, the address (tcp://host:port) "
                f"or the scheduler file of a running Dask cluster"
            )

    @staticmethod
    def add_options(parser: argparse.ArgumentParser, nj: int) -> None:
        """Add `--executor` and `--nj`, with `nj` as its default."""
        parser.add_argument(
            "--executor",
            default="local",
            help="local = processes of this machine; slurm = Slurm jobs, configured by dask's `jobqueue.slurm`; "
            "or the address (tcp://host:port) or scheduler file of a running Dask cluster",
        )
        parser.add_argument("--nj", type=int, default=nj, help="processes, or Slurm workers; the result is the same")

    @classmethod
    def from_options(cls, args: argparse.Namespace, num_gpus: int = 0) -> Self:
        """Build from parsed options; with GPUs, one local process per GPU.

        Raises:
            UserError: an invalid option.
        """
        local_gpus = num_gpus if args.executor == "local" else 0
        return cls(args.executor, local_gpus or args.nj, local_gpus)

    def gpus(self) -> tuple[str, ...]:
        """GPUs for the local processes, as in CUDA_VISIBLE_DEVICES."""
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(self.num_gpus))))
        return tuple(visible.split(",")[: self.num_gpus])


def _is_address(where: str) -> bool:
    """Whether it is `scheme://host:port`."""
    try:
        address = urlsplit(where)
        return address.scheme in ADDRESS_SCHEMES and bool(address.hostname and address.port)
    except ValueError:  # an invalid port or bracket
        return False


def run_jobs[Job, Result](
    function: Callable[[Job], Result], jobs: Sequence[Job], executor: Executor
) -> Iterator[tuple[Job, Result]]:
    """Call `function(job)` for every job; yields each job with its result when it is done, in any order.

    One local process or one job runs in this process. Otherwise the scheduler gives the job of a worker that died to
    another worker, up to three times (`distributed.scheduler.allowed-failures`): a job writes its output under a
    temporary name and renames it, and returns at once if its output exists.

    Args:
        function: from a module that workers can import.
        jobs: names and places without audio, because they are sent to the workers.

    Raises:
        UserError: the cluster cannot be reached, was without workers for a minute or cancelled the jobs, or a job
            killed its workers; and whatever `function` raises.
    """
    if executor.where == "local":
        executor = replace(executor, nj=max(min(executor.nj, len(jobs)), 1))
    if not jobs or (executor.where, executor.nj) == ("local", 1):
        yield from ((job, function(job)) for job in jobs)
        return
    with connect(executor, function.__module__) as (client, slurm):
        from distributed import KilledWorker

        call = partial(_run_alone, function, Path.cwd(), executor.gpus())
        try:
            yield from _map(call, jobs, client, slurm)
        except KilledWorker as error:
            raise UserError(
                f"{error.allowed_failures + 1} workers died of the same job (out of memory?): give them more memory, "
                "or use fewer --nj, and run the same command again; what is done is kept"
            ) from error
        except CancelledError as error:
            raise UserError(
                f"the Dask cluster cancelled the work ({error}): run the same command again; what is done is kept"
            ) from error


@contextmanager
def connect(executor: Executor, module: str) -> Iterator[tuple["Client", "SLURMCluster | None"]]:
    """Connect to a cluster. A cluster that was started for this client ends with it.

    Args:
        module: name of the module that local workers load before their first job.

    Yields:
        the client; and the cluster if its workers are jobs in Slurm.

    Raises:
        UserError: the scheduler cannot be reached, or Slurm is not configured.
    """
    with ExitStack() as stack:
        slurm, place = None, {"scheduler_file" if Path(executor.where).is_file() else "address": executor.where}
        if executor.where == "slurm":
            from espnet_ext.data.slurm import start_slurm_cluster

            slurm = stack.enter_context(start_slurm_cluster(executor.nj))
            # By its address: the client then counts the workers that have connected, not those that were requested.
            place = {"address": slurm.scheduler_address, "security": slurm.security}
        elif executor.where == "local":
            place = {"address": stack.enter_context(_local_cluster(executor.nj, module))}
        from distributed import Client

        try:
            client = stack.enter_context(Client(**place))
        # Distributed raises the latter two for transports that are not installed.
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise UserError(f"--executor: no Dask scheduler answers at {executor.where}: {error}") from error
        yield client, slurm


@contextmanager
def _local_cluster(nj: int, module: str) -> Iterator[str]:
    """Start `nj` worker processes, which are restarted when they die; yields the address of their scheduler."""
    # Started before distributed is imported: both take half a second and run at the same time.
    multiprocessing.get_context("forkserver").set_forkserver_preload(["distributed", module])
    forkserver.ensure_running()
    import dask
    import distributed.utils

    # Otherwise distributed replaces the list of modules above, and imports pandas to do so.
    distributed.utils._forkserver_preload_set = True
    with (
        dask.config.set(LOCAL_SETTINGS),
        distributed.LocalCluster(
            n_workers=nj,
            threads_per_worker=1,
            memory_limit=None,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        yield cluster.scheduler_address


def _map[Job, Result](
    call: Callable[[Job], Result], jobs: Sequence[Job], client: "Client", slurm: "SLURMCluster | None"
) -> Iterator[tuple[Job, Result]]:
    from distributed import wait

    waiting = iter(jobs)
    submitted: dict[Future, Job] = {}

    def submit(count: int) -> None:
        for job in islice(waiting, count):
            submitted[client.submit(call, job, pure=False)] = job

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
            _wait_for_worker(client, slurm)


def _run_alone[Job, Result](function: Callable[[Job], Result], folder: Path, gpus: Sequence[str], job: Job) -> Result:
    """Run a job in a worker, in the working directory of the command: paths can be relative to it.

    A worker runs one job at a time, however many threads it has: models are not safe to share between threads.

    Args:
        gpus: one of them for each local worker, in turn.
    """
    from distributed import get_worker

    if gpus:
        # CUDA reads it at its first call, which is later.
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[get_worker().name % len(gpus)]
    with _one_at_a_time:
        os.chdir(folder)
        return function(job)


def _wait_for_worker(client: "Client", slurm: "SLURMCluster | None") -> None:
    """Return when the cluster has a worker; wait without limit while jobs are pending in Slurm.

    Raises:
        UserError: there was no worker for `MAX_WITHOUT_WORKERS_S`.
    """
    checks_left = 2 if slurm else 1  # a job in Slurm can have started just before the first check
    while checks_left:
        if slurm:
            from espnet_ext.data.slurm import replace_ended_jobs

            pending = replace_ended_jobs(slurm)
        try:
            client.wait_for_workers(1, timeout=MAX_WITHOUT_WORKERS_S)
            return
        except TimeoutError:
            if slurm and pending:
                print(f"  waiting for workers: {pending}", file=sys.stderr, flush=True)
            else:
                checks_left -= 1
    where = "no job is pending in Slurm and no worker has connected" if slurm else "the Dask cluster had no worker"
    advice = "read the logs of the jobs (slurm-*.out)" if slurm else "start workers"
    raise UserError(
        f"{where} for {MAX_WITHOUT_WORKERS_S:.0f} s: {advice} and run the same command again; what is done is kept"
    )
