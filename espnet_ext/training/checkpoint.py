"""Resume a training: which checkpoint, with which options, after which kind of crash."""

import argparse
import datetime
import logging
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from espnet2.train.distributed_utils import get_rank
from espnet2.train.reporter import Reporter

from espnet_ext.model.precision import AUTO, choose_autocast
from espnet_ext.training.espnet_patches import CHECKPOINT, PREVIOUS
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.strict_yaml import read_yaml

# ESPnet's reporter saves durations and numpy scalars in the checkpoint.
REPORTER_TYPES = [
    datetime.timedelta,
    np.dtype,
    np.dtypes.Float64DType,
    np.dtypes.Float32DType,
    np._core.multiarray.scalar,  # type: ignore[attr-defined]  # numpy has no public name for it
]

# Options on which a checkpoint's weights, optimizers and schedulers depend.
CHECKPOINT_OPTIONS = (
    "attribute_names",
    "add_to",
    "encoder_conf",
    *(f"{kind}{number}{conf}" for kind in ("optim", "scheduler") for number in ("", "2") for conf in ("", "_conf")),
)


def refuse_other_config(args: argparse.Namespace) -> None:
    """Raise UserError if the run would resume from the checkpoint of an incompatible config.

    Sizes of batches, lengths and paths may change: a run that was out of memory resumes with smaller batches.

    Args:
        args: ESPnet's options. The output folder's config.yaml contains the options of the checkpoint.
    """
    before = resumed_config(args)
    if before is None:
        return
    folder = Path(args.output_dir)
    for key in CHECKPOINT_OPTIONS:
        old: Any = before.get(key)
        new = getattr(args, key)
        if old == new:
            continue
        if key in ("scheduler_conf", "scheduler2_conf") and old.get("total_steps") != new.get("total_steps"):
            raise UserError(
                f"{folder / CHECKPOINT}: a {getattr(args, key.removesuffix('_conf'))} schedule of "
                f"{old.get('total_steps')} steps cannot continue to {new.get('total_steps')}: to train again from the "
                "start give --overwrite, to keep this training give --tag with a name, or change max_epoch back"
            )
        raise UserError(
            f"{folder / CHECKPOINT} was trained with {key} {old!r}, not {new!r}: "
            f"change it back, name another output folder, or delete {folder} to train again"
        )


def settle_autocast(args: argparse.Namespace) -> None:
    """Replace `autocast: auto` with the dtype of the checkpoint, or else of the device; config.yaml then contains it.

    Args:
        args: ESPnet's options.

    Raises:
        UserError: an unknown name.
    """
    before = resumed_config(args)
    # Trainings without the key were in float32.
    existing = None if before is None else before.get("model_conf", {}).get("autocast", "float32")
    name, device = args.model_conf.get("autocast", AUTO), "cuda" if args.ngpu else "cpu"
    is_first = get_rank(args.dist_rank, args.dist_launcher) in (None, 0)
    chosen = choose_autocast(name, device, existing, args.output_dir, silent=not is_first)
    args.model_conf = args.model_conf | {"autocast": chosen}


def resumed_config(args: argparse.Namespace) -> dict[str, Any] | None:
    """Options of the training that the run resumes; None if it starts a new one."""
    folder = Path(args.output_dir)
    if not (args.resume and any((folder / name).exists() for name in (CHECKPOINT, PREVIOUS))):
        return None
    return read_yaml(folder / "config.yaml")


def restore_checkpoint_name(output_dir: Path) -> None:
    """After a crash between the two renames of `atomic_saves`, use the previous checkpoint."""
    checkpoint, previous = output_dir / CHECKPOINT, output_dir / PREVIOUS
    if not checkpoint.exists() and previous.exists():
        os.replace(previous, checkpoint)


def load_newest_readable(checkpoint: Path, device: str) -> dict[str, Any]:
    """Load a checkpoint, or its predecessor if it is damaged; only weights and plain values, no code.

    Raises:
        UserError: both are damaged.
    """
    for candidate in (checkpoint, checkpoint.with_name(PREVIOUS)):
        try:
            with torch.serialization.safe_globals(REPORTER_TYPES):
                return torch.load(candidate, map_location=device, weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            logging.warning(
                f"{candidate} cannot be read ({' '.join(str(error).split())[:120]}); trying its predecessor"
            )
    raise UserError(f"{checkpoint} and its predecessor are damaged: delete {checkpoint.parent} to train again")


def complete_epoch_files(output_dir: Path, states: dict[str, Any], reporter: Reporter, criteria: list) -> None:
    """Write the epoch's model and its links if a crash followed directly after the rename of the checkpoint."""
    epoch = reporter.get_epoch()
    model_file = output_dir / f"{epoch}epoch.pth"
    if not model_file.exists():
        torch.save(states["model"], model_file)
    best = [
        f"{phase}.{key}.best.pth"
        for phase, key, mode in criteria
        if reporter.has(phase, key) and reporter.get_best_epoch(phase, key, mode) == epoch
    ]
    for name in ["latest.pth", *best]:
        link = output_dir / name
        link.unlink(missing_ok=True)
        link.symlink_to(model_file.name)
