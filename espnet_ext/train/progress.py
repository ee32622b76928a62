"""Progress of training on the terminal: audio per second and time left."""

import time

from torch import Tensor

PRINT_INTERVAL_S = 15.0


class TrainingProgress:
    """Counts batches and prints a line now and then.

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
        last = self.epoch == self.num_epochs and self.batch == self.num_batches
        if not self.silent and (last or time.monotonic() - self.printed >= PRINT_INTERVAL_S):
            self.print_line()

    def print_line(self) -> None:
        """Print what was done, the rate and the time left (to stdout: ESPnet's own log fills stderr)."""
        self.printed = time.monotonic()
        elapsed_s = self.printed - self.started
        batches_left = (self.num_epochs - self.epoch + 1) * self.num_batches - self.batch
        print(
            f"  epoch {self.epoch}/{self.num_epochs}, batch {self.batch}/{self.num_batches}, "
            f"{self.audio_s / elapsed_s:.0f} s of audio per second, "
            f"{elapsed_s / self.batches_here * batches_left:.0f} s left",
            flush=True,
        )
