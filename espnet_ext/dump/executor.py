"""Run jobs in this process, in processes of this machine, in Slurm jobs, or on a running Dask cluster."""

import argparse
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing import forkserver
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from espnet_ext.utils.errors import UserError

ADDRESS_SCHEMES = ("tcp", "tls", "ucx", "ws", "wss")


@dataclass(frozen=True)
class Executor:
    """Place where jobs run, and number of processes.

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
            raise UserError(f"--nj: must be at least 1, found {self.nj}")
        is_valid = self.where in ("local", "slurm") or _is_address(self.where)
        if not is_valid and not Path(self.where).is_file():
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
    """Check whether a string is `scheme://host:port`."""
    try:
        address = urlsplit(where)
        return address.scheme in ADDRESS_SCHEMES and bool(address.hostname and address.port)
    except ValueError:  # an invalid port or bracket
        return False


def run_jobs[Job, Result](
    function: Callable[[Job], Result], jobs: Sequence[Job], executor: Executor
) -> Iterator[tuple[Job, Result]]:
    """Call `function(job)` for every job; yields each job with its result when it is done, in any order.

    A single local process or a single job runs in this process. In workers, the job of a worker that died runs again:
    a job writes its output under a temporary name and renames it, and returns at once if its output exists.

    Args:
        function: from a module that workers can import.
        jobs: names and places without audio, because they are sent to the workers.

    Raises:
        UserError: the cluster cannot be reached, was without workers for a minute or canceled the jobs, or a job
            killed its workers; and whatever `function` raises.
    """
    if executor.where == "local":
        if min(executor.nj, len(jobs)) < 2:
            yield from ((job, function(job)) for job in jobs)
            return
        executor = replace(executor, nj=min(executor.nj, len(jobs)))
        # Forked later for each worker. It loads these modules while this process loads Dask (half a second).
        multiprocessing.get_context("forkserver").set_forkserver_preload(["distributed", function.__module__])
        forkserver.ensure_running()
    from espnet_ext.dump.cluster import run_on_cluster

    yield from run_on_cluster(function, jobs, executor)
