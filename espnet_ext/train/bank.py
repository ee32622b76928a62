"""What the model takes from the training targets as a whole: banks to compare with, axes to cut along."""

from pathlib import Path

import kaldiio
import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel

from espnet_ext.data.data_dir import read_scp
from espnet_ext.data.sentences import sentence_number
from espnet_ext.utt.espnet_model import ESPnetUttModel
from espnet_ext.utt.head.matryoshka import main_axes
from espnet_ext.utt.objective.contrastive import ContrastiveObjective

# Targets that the main axes are found from, at most.
AXES_TARGETS = 8192


def fill_banks(model: ESPnetUttModel, target_scps: dict[str, Path]) -> None:
    """Give every contrastive objective that wants one a bank of its attribute's training targets, whole and cut.

    Args:
        model: its objectives are changed in place.
        target_scps: attribute -> target_<attribute>.scp of the training set.
    """
    banks = []
    for name, objectives in model.objectives.items():
        for index, objective in enumerate(objectives):
            if isinstance(objective, ContrastiveObjective) and objective.bank_size:
                bank, sentences = read_bank(target_scps[name], objective.bank_size)
                objective.bank, objective.bank_sentences = torch.from_numpy(bank), torch.from_numpy(sentences)
                matryoshka = model.heads[name].matryoshka
                for size in matryoshka.sizes if matryoshka else ():
                    objective.register_buffer(f"bank_{size}", matryoshka(objective.bank, size), persistent=False)
                buffers = [key for key, _ in objective.named_buffers() if key.startswith("bank")]
                banks += [f"objectives.{name}.{index}.{key}" for key in buffers]
    # Equal in all processes, and too large to be sent to them at every step.
    whitening = [name for name, _ in model.named_buffers() if name.startswith("whitening.")]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, [*banks, *whitening])


def turn_axes(model: ESPnetUttModel, target_scps: dict[str, Path]) -> None:
    """Cut distilled embeddings along the main axes of their training targets.

    Args:
        model: its heads with sizes to cut to are changed in place, those with labels excepted.
        target_scps: attribute -> target_<attribute>.scp of the training set.
    """
    for name, head in model.heads.items():
        if head.matryoshka and model.objectives[name].labels is None:
            targets = torch.from_numpy(read_bank(target_scps[name], AXES_TARGETS)[0])
            head.matryoshka.axes.copy_(main_axes(targets, head.matryoshka.sizes[-1]))


def read_bank(scp: Path, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Read different targets, evenly spread over a target file.

    Args:
        scp: target_<attribute>.scp, beside utt2sent if it is known who says the same; entries that repeat are read
            once.
        size: targets, at most.

    Returns:
        (targets, dim) float32, and the number of the sentence of each, (targets, 1) int64, -1 where unknown.
    """
    utt2sent = read_scp(scp.parent / "utt2sent") if (scp.parent / "utt2sent").exists() else {}
    # A text that is said of two sentences is listed under the last of them: its other one is told by the cosine.
    sentence_of = {entry: utt2sent.get(utterance) for utterance, entry in read_scp(scp).items()}
    entries = sorted(sentence_of.keys() - {"None"})
    chosen = np.linspace(0, len(entries) - 1, num=min(size, len(entries)), dtype=int)
    targets = np.stack([kaldiio.load_mat(entries[index]) for index in chosen])
    targets, first = np.unique(targets, axis=0, return_index=True)
    sentences = [sentence_number(sentence_of[entries[chosen[index]]]) for index in first]
    return targets, np.array(sentences, dtype=np.int64)[:, None]
