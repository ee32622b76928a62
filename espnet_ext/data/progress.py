"""A progress line for long work: done, rate, time left."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

LOG_INTERVAL_S = 20.0


@contextmanager
def audio_progress(label: str, total_s: float, unit: str = "s of audio") -> Iterator[Callable[[float], None]]:
    """Show the progress of work on audio on stderr, and at the end one line with its throughput.

    Args:
        label: what is being done.
        total_s: seconds of audio in all, or how many of another unit.
        unit: what is counted.

    Yields:
        a function that is told the seconds of audio just done (0 for what was done before).
    """
    columns = [
        TextColumn("  {task.description}"),
        BarColumn(),
        TextColumn(f"{{task.completed:.0f}}/{{task.total:.0f}} {unit}"),
        TimeRemainingColumn(),
    ]
    started, done_s = time.monotonic(), 0.0
    printed = started
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(label, total=total_s)

        def advance(seconds: float) -> None:
            nonlocal done_s, printed
            done_s += seconds
            progress.advance(task, seconds)
            now = time.monotonic()
            # A log file has no bar that moves.
            if not console.is_terminal and now - printed >= LOG_INTERVAL_S:
                printed = now
                rate = done_s / (now - started)
                left_s = (total_s - progress.tasks[0].completed) / max(rate, 1e-9)
                print(f"  {label}: {rate:.0f} {unit} per second, {left_s:.0f} s left", file=sys.stderr, flush=True)

        yield advance
    elapsed_s = time.monotonic() - started
    print(
        f"  {label}: {done_s:.0f} of {total_s:.0f} {unit} in {elapsed_s:.1f} s, "
        f"{done_s / max(elapsed_s, 1e-9):.0f} {unit} per second",
        file=sys.stderr,
    )
