"""Progress of long work: a bar on a terminal, lines in a log file."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

LOG_INTERVAL_S = 20.0
BAR = "  {desc} {bar} {n:.0f}/{total:.0f} {unit} {remaining}"


def format_rate(amount: float, elapsed_s: float) -> str:
    """Amount per second: a whole number, or two digits if it is below 10."""
    rate = amount / max(elapsed_s, 1e-9)
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.2g}"


def format_duration(seconds: float) -> str:
    """Format a duration in seconds, minutes or hours: `40 s`, `9 min`, `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


@contextmanager
def audio_progress(
    label: str, total_s: float, unit: str = "s of audio", estimate: bool = False
) -> Iterator[Callable[[float], None]]:
    """Show the progress of work on audio on stderr, and at the end one line with its throughput.

    Args:
        label: description of the work.
        total_s: seconds of audio in total, or the total amount of another unit.
        unit: name of the unit.
        estimate: print the estimated time of all work after the first part.

    Yields:
        a function to call with the seconds of audio that were just processed (0 for work of an earlier run).
    """
    is_terminal = sys.stderr.isatty()
    done, started, printed = 0.0, time.monotonic(), time.monotonic()

    def advance(seconds: float) -> None:
        nonlocal done, printed
        is_first, done, now = done == 0, done + seconds, time.monotonic()
        bar.update(seconds)
        rate = f"{format_rate(done, now - started)} {unit} per second"
        if estimate and is_first and 0 < done < total_s:
            duration = format_duration((now - started) * total_s / done)
            _print(f"estimate: about {duration} for {total_s:.0f} {unit} ({rate})")
        # A log file has no moving bar.
        if not is_terminal and now - printed >= LOG_INTERVAL_S:
            printed = now
            _print(f"{label}: {rate}, {(now - started) * (total_s - done) / max(done, 1e-9):.0f} s left")

    with tqdm(
        desc=label, total=total_s, unit=unit, bar_format=BAR, leave=False, disable=not is_terminal, file=sys.stderr
    ) as bar:
        yield advance
    elapsed_s = time.monotonic() - started
    rate = f"{format_rate(done, elapsed_s)} {unit} per second"
    _print(f"{label}: {done:.0f} of {total_s:.0f} {unit} in {elapsed_s:.1f} s, {rate}")


def _print(line: str) -> None:
    tqdm.write(f"  {line}", file=sys.stderr)
