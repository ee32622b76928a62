"""Model state that is computed from the training set: queues of negatives, and whitening."""

from pathlib import Path

import kaldiio
import numpy as np
import torch
from torch import Tensor

from espnet_ext.dump.layer_store import read_layers
from espnet_ext.kaldi.archives import read_dumped
from espnet_ext.kaldi.data_dir import sentence_number
from espnet_ext.kaldi.scp import read_scp
from espnet_ext.model.encoder import AbsSpeechEncoder
from espnet_ext.model.head.whitening import LayerWhitening
from espnet_ext.model.utt_model import UttModel
from espnet_ext.training.espnet_patches import ignore_buffers

# About 15,000 frames of utterances of 2 s, thirty for each entry of a frame.
WHITENING_UTTERANCES = 320


def fill_queues(model: UttModel, target_scps: dict[str, Path]) -> None:
    """Fill the queue of every objective that has one with its attribute's training targets.

    Args:
        model: its objectives are changed in place.
        target_scps: attribute -> target_<attribute>.scp of the training set.
    """
    queues = []
    for name, objectives in model.objectives.items():
        for index, objective in enumerate(objectives):
            if objective.queue_size:
                queue, sentences = read_queue(target_scps[name], objective.queue_size)
                objective.queue, objective.queue_sentences = torch.from_numpy(queue), torch.from_numpy(sentences)
                queues += [f"objectives.{name}.{index}.{buffer}" for buffer in ("queue", "queue_sentences")]
    # Equal in all processes, and too large to be sent to them at every step.
    whitening = [name for name, _ in model.named_buffers() if name.startswith("whitening.")]
    ignore_buffers(model, [*queues, *whitening])


def read_queue(scp: Path, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Read distinct targets, evenly spread over a target file.

    Args:
        scp: target_<attribute>.scp, next to utt2sent if the sentences are known; entries that repeat are read once.
        size: maximum number of targets.

    Returns:
        (targets, dim) float32, and the sentence number of each, (targets, 1) int64, -1 where unknown.
    """
    utt2sent = read_scp(scp.parent / "utt2sent") if (scp.parent / "utt2sent").exists() else {}
    # A text of two sentences is listed under the last of them; its other one is recognized by the cosine.
    sentence_of = {entry: utt2sent.get(utterance) for utterance, entry in read_scp(scp).items()}
    entries = _spread(sorted(sentence_of.keys() - {"None"}), size)
    targets = np.stack([kaldiio.load_mat(entry) for entry in entries])
    targets, first = np.unique(targets, axis=0, return_index=True)
    sentences = [sentence_number(sentence_of[entries[index]]) for index in first]
    return targets, np.array(sentences, dtype=np.int64)[:, None]


def fit_whitening(whitening: LayerWhitening, encoder: AbsSpeechEncoder, name: str, scp: Path) -> None:
    """Fit whitening to utterances spread evenly over the training set.

    Args:
        whitening: changed in place.
        encoder: with its pretrained weights; is switched to evaluation mode.
        name: kind of the training data: `layers` or `speech`.
        scp: layers.scp or wav.scp of the training set.
    """
    entries = _spread(list(read_scp(scp).values()), WHITENING_UTTERANCES)
    whitening.fit(torch.cat([_read_frames(encoder.eval(), name, entry) for entry in entries]))


@torch.no_grad()
def _read_frames(encoder: AbsSpeechEncoder, name: str, entry: str) -> Tensor:
    """Hidden states of one utterance, (frames, num_layers, dim) float32."""
    if name == "layers":
        return torch.from_numpy(read_layers(entry)).float()
    speech = torch.from_numpy(read_dumped(entry))[None]
    layers, _ = encoder(speech, torch.tensor([speech.shape[1]]))
    return torch.stack(layers, dim=2)[0]


def _spread(entries: list[str], count: int) -> list[str]:
    """Select at most `count` entries at even distances."""
    return [entries[index] for index in np.linspace(0, len(entries) - 1, num=min(count, len(entries)), dtype=int)]
