"""Statistics of the encoder's hidden states over the training set, for heads that read whitened frames."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from espnet_ext.dump.layer_store import read_layers
from espnet_ext.kaldi.archives import read_dumped
from espnet_ext.kaldi.scp import read_scp
from espnet_ext.utt.encoder import AbsSpeechEncoder
from espnet_ext.utt.espnet_model import ESPnetUttModel

# Some 15,000 frames of 2 s utterances, thirty for each entry of a frame.
NUM_UTTERANCES = 320


def fit_whitening(model: ESPnetUttModel, name: str, scp: Path) -> None:
    """Fit the whitening of a model to utterances spread evenly over the training set.

    Args:
        model: with the encoder's weights; changed in place.
        name: of the training data: `layers` or `speech`.
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
