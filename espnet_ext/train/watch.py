"""Batches on their way to the model, and what to say when one of them ends the training."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from espnet2.torch_utils.device_funcs import is_out_of_memory_error, to_device
from espnet2.train.reporter import SubReporter, WeightedAverage
from torch import Tensor, distributed
from torch.utils.data import DataLoader

from espnet_ext.train.progress import TrainingProgress
from espnet_ext.train.workers import loader_error
from espnet_ext.utils.errors import UserError
from espnet_ext.utt.ranks import num_ranks
from espnet_ext.utt.whole_batch import TARGETS


class WatchedBatches:
    """A data loader's batches; a loss that is not finite, or a full GPU, is told with the batch it comes from.

    An attribute's statistics count in the epoch's means by the targets that a batch has.

    Args:
        batches: the data loader.
        reporter: of the epoch's statistics; ESPnet reads them from the GPU at every step anyway.
        budget: option that sets the size of these batches, and its value.
        device: where the batches go; a copy from pinned memory does not wait for the steps before it.
        metrics: attribute -> statistic of its objective, see `ESPnetUttModel.metrics`.
        progress: counts every batch that was trained on; None for validation.
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
            self._weigh_by_targets()
            if self.progress:
                self.progress.count(self.batch)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Inside, full GPU memory is a UserError with batch and option, and the error of a loader process is alone."""
        try:
            yield
        except Exception as error:
            if isinstance(error, RuntimeError) and is_out_of_memory_error(error):
                raise UserError(self._full_memory()) from error
            if (reason := loader_error(error)) is not None:
                raise reason from error
            raise

    def _where(self) -> str:
        return f"{self.reporter.key} epoch {self.reporter.get_epoch()}, batch {self.number} of {len(self)}"

    def _full_memory(self) -> str:
        lengths = next(self.batch[name] for name in ("speech_lengths", "layers_lengths") if name in self.batch)
        unit = "samples" if "speech_lengths" in self.batch else "frames"
        longest = int(lengths.argmax())
        option, value = self.budget
        done = self.reporter.get_epoch() - 1
        restart = f"goes on after epoch {done}" if done else "starts anew"
        return (
            f"out of GPU memory in {self._where()}: {len(self.utterances)} utterances of at most {lengths[longest]} "
            f"{unit} ({self.utterances[longest]}); lower {option} ({value}) and run again: training {restart}"
        )

    def _targets(self) -> dict[str, float]:
        """Attribute -> how many utterances of the batch that was just done have its target."""
        stats = self.reporter.stats.items()
        return {key.removeprefix(TARGETS): values[-1].value for key, values in stats if key.startswith(TARGETS)}

    def _weigh_by_targets(self) -> None:
        """Weight a batch's mean over targets by their number in the epoch's mean, not by the batch's utterances."""
        for name, count in self._targets().items():
            for statistic in (f"loss_{name}", self.metrics.get(name)):
                if values := self.reporter.stats.get(statistic):
                    values[-1] = WeightedAverage(values[-1].value, count)

    def _check_loss(self) -> None:
        """UserError when the loss of the batch that was just done is not finite."""
        last = {key: values[-1].value for key, values in self.reporter.stats.items()}
        if math.isfinite(last["loss"]):
            return
        names = [name for name, count in self._targets().items() if count and not math.isfinite(last[f"loss_{name}"])]
        utterances = self.utterances
        if num_ranks() > 1:
            # All ranks are here: what they report is the loss of the whole batch.
            shares: list[list[str]] = [[] for _ in range(num_ranks())]
            distributed.all_gather_object(shares, self.utterances)
            utterances = [utterance for share in shares for utterance in share]
            if distributed.get_rank() > 0:
                raise SystemExit(1)
        raise UserError(
            f"the loss of {', '.join(names)} is not finite in {self._where()}; nothing of this epoch is kept. Look at "
            f"the audio and targets of its utterances, or lower the learning rate: {' '.join(utterances)}"
        )
