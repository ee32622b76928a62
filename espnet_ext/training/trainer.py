"""ESPnet's trainer with what it lacks: whole checkpoints, one scaler for two optimizers, progress, plain errors."""

import argparse
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from espnet2.train import trainer as espnet_trainer
from espnet2.train.reporter import Reporter
from espnet2.utils.build_dataclass import build_dataclass
from torch.utils.data import DataLoader

from espnet_ext.model.distributed import num_ranks
from espnet_ext.model.weights import fill_strictly
from espnet_ext.training.checkpoint import (
    CHECKPOINT,
    complete_epoch_files,
    load_newest_readable,
    restore_checkpoint_name,
)
from espnet_ext.training.espnet_patches import patched_trainer, reduced_at_steps
from espnet_ext.training.monitor import MonitoredLoader, TrainingProgress
from espnet_ext.training.utterance_table import check_lengths
from espnet_ext.utils.errors import UserError


@dataclass
class UttTrainerOptions(espnet_trainer.TrainerOptions):
    """Further options of the task that the trainer names in its messages."""

    batch_bins: int
    valid_batch_bins: int | None


class UttTrainer(espnet_trainer.Trainer):
    """Thin subclass; the loop is ESPnet's."""

    options: UttTrainerOptions
    progress: TrainingProgress
    metrics: dict[str, str]

    @classmethod
    def build_options(cls, args: argparse.Namespace) -> UttTrainerOptions:
        """Options consumed by `run`."""
        return build_dataclass(UttTrainerOptions, args)

    @classmethod
    def run(cls, *, trainer_options: Any, **kwargs: Any) -> None:
        """Train to the last epoch, from the newest readable checkpoint if there is one.

        Raises:
            UserError: iterations per epoch are no multiple of accum_grad (the gradients left over at the end
                of an epoch would be lost by a resume), an utterance is too short or too long for the encoder, or a
                loss is not finite.
        """
        iterations = len(kwargs["train_iter_factory"].sampler)
        if iterations % trainer_options.accum_grad:
            raise UserError(
                f"num_iters_per_epoch {iterations} must be a multiple of accum_grad {trainer_options.accum_grad}"
            )
        cls.options = trainer_options
        cls.metrics, encoder = kwargs["model"].metrics(), kwargs["model"].encoder
        for factory in ("train_iter_factory", "valid_iter_factory"):
            check_lengths(kwargs[factory].sampler.table, encoder)
        is_first = kwargs["distributed_option"].dist_rank in (None, 0)
        cls.progress = TrainingProgress(
            trainer_options.max_epoch,
            iterations,
            encoder.sampling_rate,
            encoder.output_hop_samples,
            ranks=num_ranks(),
            silent=not is_first,
        )
        if is_first:
            restore_checkpoint_name(Path(trainer_options.output_dir))
        if num_ranks() > 1:
            torch.distributed.barrier()  # for the name
        with patched_trainer():
            super().run(trainer_options=trainer_options, **kwargs)

    @classmethod
    def resume(
        cls,
        checkpoint: str | Path,
        model: torch.nn.Module,
        reporter: Reporter,
        optimizers: Sequence[torch.optim.Optimizer],
        schedulers: Sequence[Any],
        scaler: torch.amp.GradScaler | None,
        ngpu: int = 0,
        strict: bool = True,
    ) -> None:
        """Continue after the last whole epoch; a damaged checkpoint falls back to the one before it."""
        device = f"cuda:{torch.cuda.current_device()}" if ngpu > 0 else "cpu"
        states = load_newest_readable(Path(checkpoint), device)
        fill_strictly(model, states["model"], Path(checkpoint))
        reporter.load_state_dict(states["reporter"])
        for stateful, state in zip(
            [*optimizers, *schedulers], [*states["optimizers"], *states["schedulers"]], strict=True
        ):
            if stateful is not None:
                stateful.load_state_dict(state)
        if scaler is not None:
            scaler.load_state_dict(states["scaler"])
        if not cls.progress.silent:
            complete_epoch_files(Path(checkpoint).parent, states, reporter, cls.options.best_model_criterion)
        logging.info(f"resumed after epoch {reporter.get_epoch()} from {Path(checkpoint).parent / CHECKPOINT}")

    @classmethod
    def train_one_epoch(cls, *, iterator: DataLoader, **kwargs: Any) -> bool:
        """One epoch of ESPnet's loop; UserError for a loss that is not finite or memory that is full."""
        options, reporter = kwargs["options"], kwargs["reporter"]
        options.log_interval = options.log_interval or len(iterator)
        cls.progress.start_epoch(reporter.get_epoch())
        budget = ("batch_bins", options.batch_bins)
        device = "cuda" if options.ngpu else "cpu"
        batches = MonitoredLoader(iterator, reporter, budget, device, cls.metrics, cls.progress)
        with batches.report_oom():
            return super().train_one_epoch(
                iterator=reduced_at_steps(batches, kwargs["model"], options.accum_grad), **kwargs
            )

    @classmethod
    def validate_one_epoch(cls, *, iterator: DataLoader, **kwargs: Any) -> None:
        """See `train_one_epoch`."""
        options = kwargs["options"]
        budget = ("valid_batch_bins", options.valid_batch_bins or options.batch_bins)
        device = "cuda" if options.ngpu else "cpu"
        batches = MonitoredLoader(iterator, kwargs["reporter"], budget, device, cls.metrics)
        with batches.report_oom():
            super().validate_one_epoch(iterator=batches, **kwargs)
