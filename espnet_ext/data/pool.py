"""Worker processes that are safe to start beside threads."""

import os
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait


def process_pool(nj: int, module: str, *, fresh: bool = False) -> ProcessPoolExecutor:
    """An executor of `nj` processes.

    They are forked from a server process that has loaded `module` and does nothing else: a fork of
    this process could inherit a lock that one of its threads (the progress line's) holds.

    Args:
        fresh: give every task a process of its own.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload([module])
    return ProcessPoolExecutor(
        nj, mp_context=context, initializer=_die_with_parent, max_tasks_per_child=1 if fresh else None
    )


def _die_with_parent() -> None:
    """End this worker when its parent is killed; it would wait for work for ever."""

    def watch() -> None:
        wait([parent_process().sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
