"""Limits on waiting for the workers of a Dask cluster.

Dask itself waits without a limit for workers that never come back.
"""

import sys

from dask_jobqueue import SLURMCluster
from distributed import Client, Future, wait

from espnet_ext.data.slurm_jobs import describe_waiting_jobs, replace_ended_jobs
from espnet_ext.utils.errors import UserError

# A cluster may be without workers for this long. The jobs of Slurm are checked as often.
MAX_WITHOUT_WORKERS_S = 60.0


class WorkerMonitor:
    """Wait for results while the cluster has workers, or Slurm is going to start some.

    Args:
        client: client of the cluster.
        cluster: the cluster itself if this process started it in Slurm.
    """

    def __init__(self, client: Client, cluster: SLURMCluster | None) -> None:
        self._client = client
        self._cluster = cluster

    def wait_for_any(self, futures: list[Future]) -> set[Future]:
        """Wait until at least one future is done, and return all that are done.

        Raises:
            UserError: the cluster had no worker for `MAX_WITHOUT_WORKERS_S`.
        """
        while True:
            try:
                with self._client.as_current():
                    return wait(futures, timeout=MAX_WITHOUT_WORKERS_S, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                self._check_workers()

    def result[Result](self, future: "Future[Result]") -> Result:
        """Result of a future that is done; it is computed again if it was lost with its worker.

        Raises:
            UserError: the cluster had no worker for `MAX_WITHOUT_WORKERS_S`; and whatever the job raised.
        """
        while future.status != "error":
            try:
                return future.result(timeout=MAX_WITHOUT_WORKERS_S)
            except TimeoutError:
                # Of the wait, or of the job, whose status is `error` then.
                if future.status != "error":
                    self._check_workers()
        return future.result()

    def _check_workers(self) -> None:
        """Return when the cluster has a worker."""
        if not self._cluster:
            if not self._has_worker():
                raise UserError(
                    f"the Dask cluster had no worker for {MAX_WITHOUT_WORKERS_S:.0f} s: "
                    f"start workers and run the same command again; what is done is kept"
                )
            return
        checks_left = 2  # a job can have started just before the first check
        while checks_left:
            replace_ended_jobs(self._cluster)
            if self._has_worker():
                return
            if waiting := describe_waiting_jobs(self._cluster):
                print(f"  waiting for workers: {waiting}", file=sys.stderr, flush=True)
            else:
                checks_left -= 1
        raise UserError(
            f"no job is pending in Slurm and no worker has connected for {MAX_WITHOUT_WORKERS_S:.0f} s: "
            f"read the logs of the jobs (slurm-*.out) and run the same command again; what is done is kept"
        )

    def _has_worker(self) -> bool:
        """Wait for a worker, for a limited time."""
        try:
            self._client.wait_for_workers(1, timeout=MAX_WITHOUT_WORKERS_S)
        except TimeoutError:
            return False
        return True
