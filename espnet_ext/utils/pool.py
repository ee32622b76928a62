"""Processes that read the files of a corpus. Stages 2 and 4 use `data.executor`."""

import os
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait


def process_pool(nj: int, module: str, *, fresh: bool = False) -> ProcessPoolExecutor:
    """Pool of `nj` processes.

    They are forked from a server process that has only loaded `module`: a fork of this process could inherit a lock
    that one of its threads (of the progress bar) holds.

    Args:
        fresh: run every task in a new process.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload([module])
    max_tasks = 1 if fresh else None
    return ProcessPoolExecutor(nj, mp_context=context, initializer=_exit_with_parent, max_tasks_per_child=max_tasks)


def _exit_with_parent() -> None:
    """End this worker when its parent is killed; it would wait for tasks without limit."""

    parent = parent_process()
    assert parent is not None  # a worker has one

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
