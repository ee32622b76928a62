"""Embeddings of any audio from a trained model: `UttEncoder`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from espnet_ext.data.batching import sorted_batches
from espnet_ext.data.segments import AudioSource
from espnet_ext.data.windows import read_windows
from espnet_ext.errors import UserError
from espnet_ext.hub.fetch_model import model_folder
from espnet_ext.hub.model_files import load_model

Audio = str | Path | AudioSource | np.ndarray

BATCH_S = 60.0
BUFFER_S = 600.0


class UttEncoder:
    """One pass of one encoder, all attributes: waveforms in, unit vectors out.

    Utterances are batched by length; an embedding does not depend on its batch mates (difference < 1e-5).
    Recordings longer than the encoder takes at once are read window by window, so that memory does not
    grow with their length; their embedding is the windows' mean, weighted by duration, at unit length.

    Args:
        model: has `embed(speech, num_samples)` and `encoder`, in evaluation mode.
        downmix: average the channels of a file that has several, instead of refusing it.
    """

    def __init__(self, model: nn.Module, downmix: bool = False) -> None:
        self.model = model
        self.downmix = downmix
        self.encoder = model.encoder
        self.device = next(model.parameters()).device

    @classmethod
    def from_pretrained(
        cls, name: str | Path, device: str | None = None, autocast: str = "float32", downmix: bool = False
    ) -> "UttEncoder":
        """Load a packed model.

        Args:
            name: folder, zip file or hub id.
            device: `cpu`, `cuda` ...; the first CUDA device if there is one, else the CPU.
            autocast: `float32`, or `bfloat16` for speed.
            downmix: average the channels of a file that has several, instead of refusing it.
        """
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        return cls(load_model(model_folder(name), device, autocast), downmix)

    def encode(self, audio: Sequence[Audio], dims: Mapping[str, int] | None = None) -> dict[str, np.ndarray]:
        """Embed recordings.

        Args:
            audio: file names, parts of files, or float32 arrays (samples,) in [-1, 1] at 16 kHz.
            dims: attribute -> size that its embeddings are cut to; only sizes that the head was trained for.

        Returns:
            attribute -> (recordings, dim) float32 of unit length.

        Raises:
            UserError: a recording cannot be read, has samples that are not finite or is too short for one frame,
                with its name or index; or `dims` names an attribute or a size that the model does not have.
        """
        axes = {name: self._axes(name, size) for name, size in (dims or {}).items()}
        sums: dict[str, np.ndarray] = {}
        for batch in self._batches(self._windows(audio)):
            for name, vectors in self._embed(batch).items():
                total = sums.setdefault(name, np.zeros((len(audio), vectors.shape[1]), dtype=np.float64))
                for (index, samples), vector in zip(batch, vectors, strict=True):
                    total[index] += len(samples) * vector.astype(np.float64)
        cut = {name: total @ axes[name].T if name in axes else total for name, total in sums.items()}
        return {
            name: (total / np.linalg.norm(total, axis=1, keepdims=True)).astype(np.float32)
            for name, total in cut.items()
        }

    def label(self, embeddings: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What the model's own classifiers say of whole embeddings.

        Args:
            embeddings: of `encode`, of any attributes.

        Returns:
            attribute -> (recordings,) names of classes, or numbers in the label's unit, of those that learnt labels.
        """
        on_device = {name: torch.from_numpy(vectors).to(self.device) for name, vectors in embeddings.items()}
        with torch.inference_mode():
            predicted = {name: values.cpu().numpy() for name, values in self.model.predict(on_device).items()}
        spaces = {name: self.model.objectives[name].labels for name in predicted}
        return {
            name: np.array(list(spaces[name].classes))[values.argmax(axis=1)] if spaces[name].classes else values[:, 0]
            for name, values in predicted.items()
        }

    def _axes(self, name: str, size: int) -> np.ndarray:
        """(size, dim) float64 axes along which an attribute's embeddings are cut."""
        if name not in self.model.heads:
            raise UserError(f"dims: no attribute {name!r}; the model has {', '.join(self.model.heads)}")
        matryoshka = self.model.heads[name].matryoshka
        if matryoshka is None or size not in matryoshka.sizes:
            sizes = ", ".join(map(str, matryoshka.sizes)) if matryoshka else "its whole size alone"
            raise UserError(f"dims: {name} was not trained to be cut to {size}; legal: {sizes}")
        return matryoshka.axes[:size].cpu().numpy().astype(np.float64)

    def _windows(self, audio: Sequence[Audio]) -> Iterator[tuple[int, np.ndarray]]:
        """Index of the recording and samples of each window."""
        encoder = self.encoder
        for index, recording in enumerate(audio):
            name = f"recording {index}" if isinstance(recording, np.ndarray) else str(recording)
            if isinstance(recording, np.ndarray):
                _check_array(recording, name)
            windows = read_windows(recording, encoder.sampling_rate, encoder.max_samples, self.downmix)
            for number, window in enumerate(windows):
                if len(window) >= encoder.min_samples:
                    yield index, window
                elif number == 0:
                    raise UserError(
                        f"{name}: {len(window)} samples are too short; the encoder needs {encoder.min_samples}"
                    )

    def _batches(self, windows: Iterable[tuple[int, np.ndarray]]) -> Iterator[list[tuple[int, np.ndarray]]]:
        """Batches of similar length from a buffer of a few minutes."""
        buffer: list[tuple[int, np.ndarray]] = []
        for window in windows:
            buffer.append(window)
            if sum(len(samples) for _, samples in buffer) >= BUFFER_S * self.encoder.sampling_rate:
                yield from self._sorted_batches(buffer)
                buffer = []
        yield from self._sorted_batches(buffer)

    def _sorted_batches(self, buffer: list[tuple[int, np.ndarray]]) -> list[list[tuple[int, np.ndarray]]]:
        lengths = np.array([len(samples) for _, samples in buffer], dtype=np.int64)
        budget = int(BATCH_S * self.encoder.sampling_rate)
        return [[buffer[index] for index in batch] for batch in sorted_batches(lengths, budget)]

    @torch.inference_mode()
    def _embed(self, batch: list[tuple[int, np.ndarray]]) -> dict[str, np.ndarray]:
        speech = pad_sequence([torch.from_numpy(samples) for _, samples in batch], batch_first=True)
        num_samples = torch.tensor([len(samples) for _, samples in batch])
        embeddings = self.model.embed(speech.to(self.device), num_samples.to(self.device))
        return {name: vectors.cpu().numpy() for name, vectors in embeddings.items()}


def _check_array(samples: np.ndarray, name: str) -> None:
    """What `read_audio` checks of a file."""
    if samples.ndim != 1:
        raise UserError(f"{name}: an array of shape {samples.shape}, expected (samples,); take or average one channel")
    if not np.isfinite(samples).all():
        raise UserError(f"{name}: sample {np.argmin(np.isfinite(samples))} is not a finite number")
