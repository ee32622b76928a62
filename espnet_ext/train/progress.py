"""Progress of training on the terminal: an estimate of the time, audio per second, time left."""

import time

from torch import Tensor

from espnet_ext.utils.progress import format_duration, format_rate

PRINT_INTERVAL_S = 15.0
# Batches timed for the estimate, after the first one, which is slow.
NUM_TIMED = 5


class TrainingProgress:
    """Count batches, print an estimate of the time after the first ones, and a line now and then.

    Args:
        num_epochs: epochs of the whole training.
        num_batches: batches of one epoch.
        sampling_rate: Hz.
        hop_samples: samples between two frames of the encoder.
        ranks: processes that share every batch.
        silent: for all of these processes but one.
    """

    def __init__(
        self,
        num_epochs: int,
        num_batches: int,
        sampling_rate: int,
        hop_samples: int,
        ranks: int = 1,
        silent: bool = False,
    ) -> None:
        self.num_epochs, self.num_batches = num_epochs, num_batches
        self.sampling_rate, self.hop_samples = sampling_rate, hop_samples
        self.ranks, self.silent = ranks, silent
        self.epoch = self.batch = self.batches_here = 0
        self.audio_s = 0.0
        self.started = self.printed = time.monotonic()
        self.timed_from = (self.started, self.audio_s)

    def start_epoch(self, epoch: int) -> None:
        """Say that epoch `epoch` (from 1) begins."""
        self.epoch, self.batch = epoch, 0

    def count(self, batch: dict[str, Tensor]) -> None:
        """Add one batch that was trained on; its lengths must still be on the CPU."""
        frames = batch.get("layers_lengths")
        samples = batch["speech_lengths"].sum() if frames is None else frames.sum() * self.hop_samples
        # Shares of a batch are alike: one process knows the rate of all.
        self.audio_s += self.ranks * int(samples) / self.sampling_rate
        self.batch += 1
        self.batches_here += 1
        if self.batches_here == 1:
            self.timed_from = (time.monotonic(), self.audio_s)
        if self.silent:
            return
        if self.batches_here == NUM_TIMED + 1 and self._batches_left():
            self._print_estimate()
        if not self._batches_left() or time.monotonic() - self.printed >= PRINT_INTERVAL_S:
            self.print_line()

    def _batches_left(self) -> int:
        return (self.num_epochs - self.epoch + 1) * self.num_batches - self.batch

    def _print_estimate(self) -> None:
        started, audio_s = self.timed_from
        elapsed_s = time.monotonic() - started
        batches = self.batches_here + self._batches_left()
        print(
            f"  estimate: about {format_duration(elapsed_s / NUM_TIMED * batches)} for {batches} batches "
            f"(from {NUM_TIMED} timed batches, {format_rate(self.audio_s - audio_s, elapsed_s)} s of audio per second)",
            flush=True,
        )

    def print_line(self) -> None:
        """Print what was done, the rate and the time left (to stdout: ESPnet's own log fills stderr)."""
        self.printed = time.monotonic()
        elapsed_s = self.printed - self.started
        print(
            f"  epoch {self.epoch}/{self.num_epochs}, batch {self.batch}/{self.num_batches}, "
            f"{format_rate(self.audio_s, elapsed_s)} s of audio per second, "
            f"{elapsed_s / self.batches_here * self._batches_left():.0f} s left",
            flush=True,
        )
