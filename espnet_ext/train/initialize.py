"""What a model computes from its training set before training: banks of targets, and the whitening of frames."""

from pathlib import Path

import kaldiio
import numpy as np
import torch
from torch import Tensor

from espnet_ext.dump.layer_store import read_layers
from espnet_ext.kaldi.archives import read_dumped
from espnet_ext.kaldi.data_dir import sentence_number
from espnet_ext.kaldi.scp import read_scp
from espnet_ext.train.espnet_patches import ignore_buffers
from espnet_ext.utt.encoder import AbsSpeechEncoder
from espnet_ext.utt.espnet_model import ESPnetUttModel

# Some 15,000 frames of 2 s utterances, thirty for each entry of a frame.
NUM_UTTERANCES = 320


def fill_banks(model: ESPnetUttModel, target_scps: dict[str, Path]) -> None:
    """Fill the banks of objectives with training targets of their attributes.

    Args:
        model: its objectives are modified in place.
        target_scps: attribute -> target_<attribute>.scp of the training set.
    """
    banks = []
    for name, objectives in model.objectives.items():
        for index, objective in enumerate(objectives):
            if objective.bank_size:
                bank, sentences = read_bank(target_scps[name], objective.bank_size)
                objective.bank, objective.bank_sentences = torch.from_numpy(bank), torch.from_numpy(sentences)
                banks += [f"objectives.{name}.{index}.{buffer}" for buffer in ("bank", "bank_sentences")]
    # Too large to be sent to all processes at every step.
    whitening = [name for name, _ in model.named_buffers() if name.startswith("whitening.")]
    ignore_buffers(model, [*banks, *whitening])


def read_bank(scp: Path, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Read distinct targets, evenly spread over a target file.

    Args:
        scp: target_<attribute>.scp, next to utt2sent if sentences are known; repeated entries are read once.
        size: maximum number of targets.

    Returns:
        (targets, dim) float32, and the sentence number of each, (targets, 1) int64, -1 if unknown.
    """
    utt2sent = read_scp(scp.parent / "utt2sent") if (scp.parent / "utt2sent").exists() else {}
    # A text with two sentence ids keeps the last one; for the other one, the objective compares cosines.
    sentence_of = {entry: utt2sent.get(utterance) for utterance, entry in read_scp(scp).items()}
    entries = sorted(sentence_of.keys() - {"None"})
    chosen = np.linspace(0, len(entries) - 1, num=min(size, len(entries)), dtype=int)
    targets = np.stack([kaldiio.load_mat(entries[index]) for index in chosen])
    targets, first = np.unique(targets, axis=0, return_index=True)
    sentences = [sentence_number(sentence_of[entries[chosen[index]]]) for index in first]
    return targets, np.array(sentences, dtype=np.int64)[:, None]


def fit_whitening(model: ESPnetUttModel, name: str, scp: Path) -> None:
    """Fit the whitening of a model to utterances spread evenly over the training set.

    Args:
        model: contains the encoder's weights; modified in place.
        name: kind of the training data, `layers` or `speech`.
        scp: layers.scp or wav.scp of the training set.
    """
    entries = list(read_scp(scp).values())
    chosen = np.linspace(0, len(entries) - 1, num=min(NUM_UTTERANCES, len(entries)), dtype=int)
    encoder = model.encoder.eval()
    model.whitening.fit(torch.cat([_read_frames(encoder, name, entries[index]) for index in chosen]))


@torch.no_grad()
def _read_frames(encoder: AbsSpeechEncoder, name: str, entry: str) -> Tensor:
    """Hidden states of one utterance, (frames, num_layers, dim) float32."""
    if name == "layers":
        return torch.from_numpy(read_layers(entry)).float()
    speech = torch.from_numpy(read_dumped(entry))[None]
    layers, _ = encoder(speech, torch.tensor([speech.shape[1]]))
    return torch.stack(layers, dim=2)[0]
