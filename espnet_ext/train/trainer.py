"""ESPnet's trainer with what it lacks: whole checkpoints, one scaler for two optimizers, progress."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from espnet2.train import trainer as espnet_trainer
from espnet2.train.reporter import Reporter
from torch.utils.data import DataLoader

from espnet_ext.errors import UserError
from espnet_ext.train.checkpoint import (
    CHECKPOINT,
    atomic_saves,
    complete_epoch_files,
    load_newest_readable,
    restore_checkpoint_name,
)
from espnet_ext.train.grad_scaler import JointGradScaler
from espnet_ext.train.progress import TrainingProgress


class UttTrainer(espnet_trainer.Trainer):
    """Thin subclass; the loop is ESPnet's."""

    options: Any = None
    progress: TrainingProgress

    @classmethod
    def run(cls, *, trainer_options: Any, **kwargs: Any) -> None:
        """Train to the last epoch, from the newest readable checkpoint if there is one.

        Raises:
            UserError: iterations per epoch are no multiple of accum_grad (the gradients left over at the end
                of an epoch would be lost by a resume), or a loss is not finite.
        """
        iterations = len(kwargs["train_iter_factory"].sampler)
        if iterations % trainer_options.accum_grad:
            raise UserError(
                f"num_iters_per_epoch {iterations} must be a multiple of accum_grad {trainer_options.accum_grad}"
            )
        cls.options = trainer_options
        encoder = kwargs["model"].encoder
        cls.progress = TrainingProgress(
            trainer_options.max_epoch, iterations, encoder.sampling_rate, encoder.output_hop_samples
        )
        restore_checkpoint_name(Path(trainer_options.output_dir))
        with atomic_saves(), patch.object(espnet_trainer, "GradScaler", JointGradScaler):
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
        model.load_state_dict(states["model"], strict=strict)
        reporter.load_state_dict(states["reporter"])
        for stateful, state in zip(
            [*optimizers, *schedulers], [*states["optimizers"], *states["schedulers"]], strict=True
        ):
            if stateful is not None:
                stateful.load_state_dict(state)
        if scaler is not None:
            scaler.load_state_dict(states["scaler"])
        complete_epoch_files(Path(checkpoint).parent, states, reporter, cls.options.best_model_criterion)
        logging.info(f"resumed after epoch {reporter.get_epoch()} from {Path(checkpoint).parent / CHECKPOINT}")

    @classmethod
    def train_one_epoch(cls, *, iterator: DataLoader, **kwargs: Any) -> bool:
        """One epoch of ESPnet's loop, with a progress line."""
        kwargs["options"].log_interval = kwargs["options"].log_interval or len(iterator)
        cls.progress.start_epoch(kwargs["reporter"].get_epoch())
        return super().train_one_epoch(iterator=CountedBatches(iterator, cls.progress), **kwargs)


class CountedBatches:
    """A data loader's batches, counted on their way.

    Args:
        batches: the data loader.
        progress: told of every batch.
    """

    def __init__(self, batches: DataLoader, progress: TrainingProgress) -> None:
        self.batches, self.progress = batches, progress

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[list[str], dict[str, torch.Tensor]]]:
        for utterances, batch in self.batches:
            yield utterances, batch
            self.progress.count(batch)
