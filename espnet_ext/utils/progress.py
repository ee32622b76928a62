"""A progress line for long work: done, rate, time left."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

LOG_INTERVAL_S = 20.0
BAR = "  {desc} {bar} {n:.0f}/{total:.0f} {unit} {remaining}"


def format_rate(amount: float, elapsed_s: float) -> str:
    """Amount per second: a whole number, or two digits where it is below 10."""
    rate = amount / max(elapsed_s, 1e-9)
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.2g}"


def format_duration(seconds: float) -> str:
    """A duration in the unit that suits it: `40 s`, `9 min`, `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


class _Counter:
    """Count work and print lines about it on stderr.

    Args:
        label: description of the work.
        total: amount of all work.
        unit: of the amount.
    """

    def __init__(self, label: str, total: float, unit: str) -> None:
        self.label, self.total, self.unit = label, total, unit
        self.done = 0.0
        self.started = self.printed = time.monotonic()

    def print_estimate(self) -> None:
        """Print the time of all work, from the part that was done."""
        duration = format_duration(self._elapsed_s() * self.total / self.done)
        self._print(f"estimate: about {duration} for {self.total:.0f} {self.unit} ({self._rate()})")

    def print_interim(self) -> None:
        """Print the rate and the time left, if the last line is some time ago."""
        if time.monotonic() - self.printed < LOG_INTERVAL_S:
            return
        self.printed = time.monotonic()
        left_s = self._elapsed_s() * (self.total - self.done) / max(self.done, 1e-9)
        self._print(f"{self.label}: {self._rate()}, {left_s:.0f} s left")

    def print_end(self) -> None:
        """Print what was done in which time."""
        done, elapsed_s = f"{self.done:.0f} of {self.total:.0f} {self.unit}", self._elapsed_s()
        self._print(f"{self.label}: {done} in {elapsed_s:.1f} s, {self._rate()}")

    def _elapsed_s(self) -> float:
        return time.monotonic() - self.started

    def _rate(self) -> str:
        return f"{format_rate(self.done, self._elapsed_s())} {self.unit} per second"

    def _print(self, line: str) -> None:
        tqdm.write(f"  {line}", file=sys.stderr)


@contextmanager
def audio_progress(
    label: str, total_s: float, unit: str = "s of audio", estimate: bool = False
) -> Iterator[Callable[[float], None]]:
    """Show the progress of work on audio on stderr, and at the end one line with its throughput.

    Args:
        label: description of the work.
        total_s: seconds of audio in all, or the amount of another unit.
        unit: what is counted.
        estimate: print the time of all work once the first part is done.

    Yields:
        a function to call with the seconds of audio just done (0 for what was done before).
    """
    is_terminal = sys.stderr.isatty()
    counter = _Counter(label, total_s, unit)
    with tqdm(
        desc=label, total=total_s, unit=unit, bar_format=BAR, leave=False, disable=not is_terminal, file=sys.stderr
    ) as bar:

        def advance(seconds: float) -> None:
            is_first = counter.done == 0
            counter.done += seconds
            bar.update(seconds)
            if estimate and is_first and 0 < counter.done < total_s:
                counter.print_estimate()
            # A log file has no bar that moves.
            if not is_terminal:
                counter.print_interim()

        yield advance
    counter.print_end()
