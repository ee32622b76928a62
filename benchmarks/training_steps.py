"""Training steps of a phase on dumped data, for benchmarks that compare them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from espnet_ext.config.attributes import load_attributes
from espnet_ext.config.training import EncoderConf
from espnet_ext.model.freezing import apply_freezing
from espnet_ext.model.saved_model import load_encoder
from espnet_ext.tasks.espnet_model import ESPnetUttModel
from espnet_ext.training.initialize import fill_queues
from espnet_ext.training.label_spaces import with_labels
from espnet_ext.training.readers import AudioReader, LayersReader, TargetReader
from packages.fetch_encoder import fetch_encoder


def build_model(attributes: Path, dump: Path, conf: EncoderConf, model_conf: Mapping[str, Any]) -> ESPnetUttModel:
    """Build an untrained model of the attributes of a file, with the classes and the queue of a training set."""
    torch.manual_seed(0)
    scps = {name: dump / f"target_{name}.scp" for name in load_attributes(attributes)}
    declared = {name: with_labels(attribute, scps[name]) for name, attribute in load_attributes(attributes).items()}
    encoder = load_encoder(fetch_encoder("whisper-base"), conf.frame_average)
    model = ESPnetUttModel(encoder, declared, **model_conf)
    apply_freezing(encoder, conf)
    fill_queues(model, scps)
    return model


class TrainingSteps:
    """Steps of one phase: from cached layers where the encoder is frozen, else from waveforms.

    Args:
        attributes: attributes file.
        dump: training set.
        conf: trainable parts of the encoder.
        autocast: dtype of the matrix products.
    """

    def __init__(self, attributes: Path, dump: Path, conf: EncoderConf, autocast: str) -> None:
        self.model = build_model(attributes, dump, conf, {"autocast": autocast}).train()
        self.name, reader, scp = "speech", AudioReader, dump / "wav.scp"
        if conf.freeze_blocks == -1:
            self.name, reader, scp = "layers", LayersReader, dump / "layers" / "layers.scp"
        self.input = reader(str(scp))
        self.targets = {name: TargetReader(str(dump / f"target_{name}.scp")) for name in self.model.heads}
        self.trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, lr=1e-5)

    def load(self, batch: tuple[str, ...]) -> dict[str, Tensor]:
        """One padded batch, with targets."""
        inputs = [torch.from_numpy(self.input[utterance]) for utterance in batch]
        lengths = torch.tensor([len(frames) for frames in inputs])
        targets = {
            name: torch.from_numpy(np.stack([reader[utterance] for utterance in batch]))
            for name, reader in self.targets.items()
        }
        return targets | {self.name: pad_sequence(inputs, batch_first=True), f"{self.name}_lengths": lengths}

    def step(self, batch: tuple[str, ...]) -> None:
        """Read a batch and train on it."""
        loss, _, _ = self.model(**self.load(batch))
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()
