"""Run jobs in processes of this machine, on Slurm, or on any Dask cluster: one loop for all of them."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from espnet_ext.data.pool import process_pool
from espnet_ext.utils.errors import UserError

ADDRESS_SCHEMES = ("tcp://", "tls://", "ucx://", "ws://", "wss://")


@dataclass(frozen=True)
class Executor:
    """Where jobs run.

    Attributes:
        where: `local`, `slurm`, or the address (`tcp://host:port`) or scheduler file of a Dask cluster.
        nj: processes on this machine, or workers at most that Slurm is asked for; a cluster that runs has its own.
        num_gpus: of this machine, dealt out to its processes in turn.
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


def _is_address(where: str) -> bool:
    """Whether it is `scheme://host:port`."""
    try:
        address = urlsplit(where)
        return f"{address.scheme}://" in ADDRESS_SCHEMES and bool(address.hostname and address.port)
    except ValueError:  # a port or a bracket that makes no sense
        return False


def run_jobs[Job, Result](
    function: Callable[[Job], Result], jobs: Sequence[Job], executor: Executor
) -> Iterator[tuple[Job, Result]]:
    """Call `function(job)` for every job; yields job and result as they are done, in any order.

    Jobs and results travel, so they are small (names and places, no audio). A job whose Dask worker died is given
    to another one: it must leave its output whole or not at all, and return at once where it is there already.

    Args:
        function: of a module that workers can import.
        jobs: any order that is good to read the files in.
        executor: where to run them; one process or one job means here.

    Raises:
        UserError: a process died, or the cluster cannot be reached or has lost its workers; and whatever
            `function` raises.
    """
    if executor.where != "local":
        # Imported late: half a second, and Dask is not needed on one machine.
        from espnet_ext.data.dask_jobs import run_on_dask

        yield from run_on_dask(function, jobs, executor.where, executor.nj)
    elif min(executor.nj, len(jobs)) > 1:
        yield from _in_processes(function, jobs, executor)
    else:
        for job in jobs:
            yield job, function(job)


def _in_processes[Job, Result](
    function: Callable[[Job], Result], jobs: Sequence[Job], executor: Executor
) -> Iterator[tuple[Job, Result]]:
    with process_pool(min(executor.nj, len(jobs)), function.__module__, num_gpus=executor.num_gpus) as pool:
        try:
            futures = {pool.submit(function, job): job for job in jobs}
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise UserError(
                "a process died (out of memory?): run the same command again with fewer --nj; what is done is kept"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)
