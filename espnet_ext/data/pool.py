"""Worker processes that are safe to start beside threads."""

import os
import threading
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext
from multiprocessing.queues import SimpleQueue


def process_pool(nj: int, module: str, *, fresh: bool = False, num_gpus: int = 0) -> ProcessPoolExecutor:
    """An executor of `nj` processes.

    They are forked from a server process that has loaded `module` and does nothing else: a fork of
    this process could inherit a lock that one of its threads (the progress line's) holds.

    Args:
        fresh: give every task a process of its own.
        num_gpus: processes see one GPU each, these in turn; 0 = whatever this process sees.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload([module])
    gpus = _deal_gpus(nj, num_gpus, context) if num_gpus else None
    return ProcessPoolExecutor(
        nj,
        mp_context=context,
        initializer=_start_worker,
        initargs=(gpus,),
        max_tasks_per_child=1 if fresh else None,
    )


def _deal_gpus(nj: int, num_gpus: int, context: BaseContext) -> SimpleQueue:
    """For each process the name of its GPU, as in CUDA_VISIBLE_DEVICES."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(num_gpus)))).split(",")
    gpus = context.SimpleQueue()
    for name in islice(cycle(names[:num_gpus]), nj):
        gpus.put(name)
    return gpus


def _start_worker(gpus: SimpleQueue | None) -> None:
    if gpus is not None:
        # Read by CUDA when the first of its functions is called, later than this.
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus.get()
    _die_with_parent()


def _die_with_parent() -> None:
    """End this worker when its parent is killed; it would wait for work for ever."""

    def watch() -> None:
        wait([parent_process().sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
