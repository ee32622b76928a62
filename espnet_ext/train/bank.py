"""Banks of targets, for objectives that compare with more than the batch."""

from pathlib import Path

import kaldiio
import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel

from espnet_ext.data.data_dir import read_scp
from espnet_ext.utt.espnet_model import ESPnetUttModel
from espnet_ext.utt.objective.contrastive import ContrastiveObjective


def fill_banks(model: ESPnetUttModel, target_scps: dict[str, Path]) -> None:
    """Give every contrastive objective that wants one a bank of its attribute's training targets.

    Args:
        model: its objectives are changed in place.
        target_scps: attribute -> target_<attribute>.scp of the training set.
    """
    banks = []
    for name, objectives in model.objectives.items():
        for index, objective in enumerate(objectives):
            if isinstance(objective, ContrastiveObjective) and objective.bank_size:
                objective.bank = torch.from_numpy(read_bank(target_scps[name], objective.bank_size))
                banks.append(f"objectives.{name}.{index}.bank")
    # Equal in all processes, and too large to be sent to them at every step.
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, banks)


def read_bank(scp: Path, size: int) -> np.ndarray:
    """Read different targets, evenly spread over a target file.

    Args:
        scp: target_<attribute>.scp; entries that repeat are read once.
        size: targets, at most.

    Returns:
        (targets, dim) float32.
    """
    entries = sorted(set(read_scp(scp).values()) - {"None"})
    chosen = np.linspace(0, len(entries) - 1, num=min(size, len(entries)), dtype=int)
    return np.unique(np.stack([kaldiio.load_mat(entries[index]) for index in chosen]), axis=0)
