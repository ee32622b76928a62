"""Data types of ESPnet's dataset for dump directories: utterance id -> array."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path

import kaldiio
import numpy as np

from espnet_ext.dump.layer_store import read_layers
from espnet_ext.kaldi.archives import check_dumped_length, read_dumped
from espnet_ext.kaldi.data_dir import sentence_number
from espnet_ext.kaldi.scp import ScpIndex
from espnet_ext.utils.errors import UserError


class ScpReader(Mapping, ABC):
    """Read the array of an utterance when it is requested.

    Args:
        path: the scp file.
    """

    def __init__(self, path: str) -> None:
        self.entries = ScpIndex(Path(path))

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    @abstractmethod
    def __getitem__(self, utterance: str) -> np.ndarray:
        """Array of one utterance."""


class AudioReader(ScpReader):
    """Dumped audio: (samples,) float32 in [-1, 1]. Its length must be that in utt2num_samples next to the scp file."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.num_samples = ScpIndex(Path(path).with_name("utt2num_samples"))

    def __getitem__(self, utterance: str) -> np.ndarray:
        entry = self.entries[utterance]
        samples = read_dumped(entry)
        check_dumped_length(utterance, entry, len(samples), int(self.num_samples[utterance]))
        return samples


class LayersReader(ScpReader):
    """Outputs of the frozen encoder: (frames, num_layers, dim) or (frames, dim) float16."""

    def __getitem__(self, utterance: str) -> np.ndarray:
        return read_layers(self.entries[utterance])


class TargetReader(ScpReader):
    """Target vectors: (dim,) float32; a missing target (`None` in the scp file) is a row of NaN."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.dim = json.loads(Path(path).with_suffix(".json").read_text(encoding="utf-8"))["dim"]

    def __getitem__(self, utterance: str) -> np.ndarray:
        entry = self.entries[utterance]
        if entry == "None":
            return np.full(self.dim, np.nan, dtype=np.float32)
        vector = kaldiio.load_mat(entry)
        if vector.shape != (self.dim,):
            raise UserError(f"{entry}: target of shape {vector.shape}, expected ({self.dim},); dump the targets again")
        return vector


class SentenceReader(ScpReader):
    """Sentences (utt2sent): (1,) int64, equal numbers for equal sentences; -1 for an utterance without a sentence."""

    def __getitem__(self, utterance: str) -> np.ndarray:
        return np.array([sentence_number(self.entries.get(utterance))], dtype=np.int64)


READERS = {"audio_ark": AudioReader, "layers": LayersReader, "target": TargetReader, "sentence": SentenceReader}
