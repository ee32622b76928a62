"""Training progress, and errors that name the batch in which they occur."""

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from espnet2.torch_utils.device_funcs import is_out_of_memory_error, to_device
from espnet2.train.reporter import SubReporter, WeightedAverage
from torch import Tensor, distributed
from torch.utils.data import DataLoader

from espnet_ext.model.distributed import num_ranks
from espnet_ext.model.statistics import TARGETS
from espnet_ext.training.workers import loader_error
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.progress import format_duration, format_rate

PRINT_INTERVAL_S = 15.0
# Batches timed for the estimate, after the first one, which is slow.
NUM_TIMED = 5


class TrainingProgress:
    """Print an estimate of the training time after the first batches, and a line now and then.

    Args:
        num_epochs: epochs of the whole training.
        num_batches: batches of one epoch.
        sampling_rate: Hz.
        hop_samples: samples between two frames of the encoder.
        ranks: data-parallel processes.
        silent: true in all of these processes but one.
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
        """Start epoch `epoch` (from 1)."""
        self.epoch, self.batch = epoch, 0

    def count(self, batch: dict[str, Tensor]) -> None:
        """Add one training batch, whose lengths must still be on the CPU."""
        frames = batch.get("layers_lengths")
        samples = batch["speech_lengths"].sum() if frames is None else frames.sum() * self.hop_samples
        # The parts of a batch are of similar size: the rate of one process is that of all.
        self.audio_s += self.ranks * int(samples) / self.sampling_rate
        self.batch += 1
        self.batches_here += 1
        if self.batches_here == 1:
            self.timed_from = (time.monotonic(), self.audio_s)
        if self.silent:
            return
        if self.batches_here == NUM_TIMED + 1 and self._batches_left():
            started, audio_s = self.timed_from
            elapsed_s = time.monotonic() - started
            batches = self.batches_here + self._batches_left()
            self._print(
                f"estimate: about {format_duration(elapsed_s / NUM_TIMED * batches)} for {batches} batches (from "
                f"{NUM_TIMED} timed batches, {format_rate(self.audio_s - audio_s, elapsed_s)} s of audio per second)"
            )
        if not self._batches_left() or time.monotonic() - self.printed >= PRINT_INTERVAL_S:
            self.printed = time.monotonic()
            elapsed_s = self.printed - self.started
            self._print(
                f"epoch {self.epoch}/{self.num_epochs}, batch {self.batch}/{self.num_batches}, "
                f"{format_rate(self.audio_s, elapsed_s)} s of audio per second, "
                f"{elapsed_s / self.batches_here * self._batches_left():.0f} s left"
            )

    def _batches_left(self) -> int:
        return (self.num_epochs - self.epoch + 1) * self.num_batches - self.batch

    @staticmethod
    def _print(line: str) -> None:
        print(f"  {line}", flush=True)  # to stdout, because ESPnet's own log fills stderr


class MonitoredLoader:
    """A data loader that reports a loss that is not finite, or a full GPU, with the batch that caused it.

    The epoch's mean of an attribute's statistics is weighted by the number of its targets in each batch.

    Args:
        batches: the data loader.
        reporter: the epoch's statistics. ESPnet reads them from the GPU at every step anyway.
        budget: option that sets the size of these batches, and its value.
        device: where the batches are moved. A copy from pinned memory does not wait for earlier steps.
        metrics: attribute -> statistic of its objective, see `ESPnetUttModel.metrics`.
        progress: counts every training batch; None for validation.
    """

    def __init__(
        self,
        batches: DataLoader,
        reporter: SubReporter,
        budget: tuple[str, int],
        device: str,
        metrics: Mapping[str, str],
        progress: TrainingProgress | None = None,
    ) -> None:
        self.batches, self.reporter, self.budget, self.device = batches, reporter, budget, device
        self.metrics, self.progress = metrics, progress
        self.number = 0
        self.utterances: list[str] = []
        self.batch: dict[str, Tensor] = {}

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[list[str], dict[str, Tensor]]]:
        for utterances, batch in self.batches:
            self.number += 1
            self.utterances, self.batch = utterances, batch
            yield utterances, to_device(batch, self.device, non_blocking=True)
            self._check_loss()
            self._weight_by_targets()
            if self.progress:
                self.progress.count(self.batch)

    @contextmanager
    def report_oom(self) -> Iterator[None]:
        """Raise UserError with batch and option when GPU memory is full, or with the error of a loader process."""
        try:
            yield
        except Exception as error:
            if isinstance(error, RuntimeError) and is_out_of_memory_error(error):
                raise UserError(self._oom_message()) from error
            if (reason := loader_error(error)) is not None:
                raise reason from error
            raise

    def _where(self) -> str:
        return f"{self.reporter.key} epoch {self.reporter.get_epoch()}, batch {self.number} of {len(self)}"

    def _oom_message(self) -> str:
        lengths = next(self.batch[name] for name in ("speech_lengths", "layers_lengths") if name in self.batch)
        unit = "samples" if "speech_lengths" in self.batch else "frames"
        longest = int(lengths.argmax())
        option, value = self.budget
        done = self.reporter.get_epoch() - 1
        restart = f"resumes after epoch {done}" if done else "starts again"
        return (
            f"out of GPU memory in {self._where()}: {len(self.utterances)} utterances of at most {lengths[longest]} "
            f"{unit} ({self.utterances[longest]}); lower {option} ({value}) and run again: training {restart}"
        )

    def _targets(self) -> dict[str, float]:
        """Attribute -> number of utterances of the last batch that have its target."""
        stats = self.reporter.stats.items()
        return {key.removeprefix(TARGETS): values[-1].value for key, values in stats if key.startswith(TARGETS)}

    def _weight_by_targets(self) -> None:
        """Weight the last batch's statistics in the epoch's mean by targets instead of utterances."""
        for name, count in self._targets().items():
            for statistic in (f"loss_{name}", self.metrics.get(name)):
                if values := self.reporter.stats.get(statistic):
                    values[-1] = WeightedAverage(values[-1].value, count)

    def _check_loss(self) -> None:
        """Raise UserError if the loss of the last batch is not finite."""
        last = {key: values[-1].value for key, values in self.reporter.stats.items()}
        if math.isfinite(last["loss"]):
            return
        names = [name for name, count in self._targets().items() if count and not math.isfinite(last[f"loss_{name}"])]
        utterances = self.utterances
        if num_ranks() > 1:
            # All ranks raise here, because they report the loss of the whole batch.
            parts: list[list[str]] = [[] for _ in range(num_ranks())]
            distributed.all_gather_object(parts, self.utterances)
            utterances = [utterance for part in parts for utterance in part]
            if distributed.get_rank() > 0:
                raise SystemExit(1)
        raise UserError(
            f"the loss of {', '.join(names)} is not finite in {self._where()}; nothing of this epoch is kept. Check "
            f"the audio and targets of its utterances, or lower the learning rate: {' '.join(utterances)}"
        )
