"""Embeddings of any audio from a trained model: `UttEncoder`."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from espnet2.torch_utils.device_funcs import is_out_of_memory_error
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from espnet_ext.data.batching import sorted_batches
from espnet_ext.data.segments import AudioSource
from espnet_ext.data.windows import read_windows
from espnet_ext.errors import UserError
from espnet_ext.hub.batch_size import batch_seconds
from espnet_ext.hub.fetch_model import model_folder
from espnet_ext.hub.model_files import load_model
from espnet_ext.teachers.runtime import Runtime

Audio = str | Path | AudioSource | np.ndarray
Batch = list[tuple[int, np.ndarray]]  # index of the recording and samples of a window

# Audio that is sorted by length at once: 115 MB, of which 2 % are padding in utterances of seconds.
BUFFER_S = 1800.0


class UttEncoder:
    """One pass of one encoder, all attributes: waveforms in, unit vectors out.

    Utterances are batched by length; an embedding does not depend on its batch mates (difference < 1e-5 in float32;
    in bfloat16, which rounds by batch, < 1e-2).
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
        self.batch_s = batch_seconds(self.device)

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

        Raises:
            UserError: there is no such model or device, or its files are damaged.
        """
        device = Runtime(device).torch_device()
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
                with its name or index; `dims` names an attribute or a size that the model does not have; or
                one window alone does not fit into memory.
        """
        axes = {name: self._axes(name, size) for name, size in (dims or {}).items()}
        sums: dict[str, np.ndarray] = {}
        # A context around all batches keeps autocast's bfloat16 copies of the weights from one to the next;
        # inference_mode would have them made again for each.
        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
            for batch, embeddings in self._embedded(self._windows(audio)):
                for name, vectors in embeddings.items():
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

    def _embedded(self, windows: Iterable[tuple[int, np.ndarray]]) -> Iterator[tuple[Batch, dict[str, np.ndarray]]]:
        """Batches and their embeddings; one that does not fit into the device's memory is halved."""
        for buffer in self._buffers(windows):
            pending = self._sorted_batches(buffer)
            # The longest first: if any do not fit, these.
            while pending:
                batch = pending.pop()
                embeddings = self._embed(batch)
                if embeddings is not None:
                    yield batch, embeddings
                    continue
                padded_s = len(batch) * len(batch[-1][1]) / self.encoder.sampling_rate
                told = f"out of memory on {self.device} in a batch of {len(batch)} ({padded_s:g} s of audio, padded)"
                if len(batch) == 1:
                    raise UserError(f"{told}; give --autocast bfloat16 or another --device, or end what else it does")
                logging.warning(f"{told}: going on with half as much")
                self.batch_s = padded_s / 2
                pending += [batch[: len(batch) // 2], batch[len(batch) // 2 :]]

    def _buffers(self, windows: Iterable[tuple[int, np.ndarray]]) -> Iterator[Batch]:
        """Windows of BUFFER_S or a little more at a time."""
        buffer, num_samples = [], 0
        for window in windows:
            buffer.append(window)
            num_samples += len(window[1])
            if num_samples >= BUFFER_S * self.encoder.sampling_rate:
                yield buffer
                buffer, num_samples = [], 0
        yield buffer

    def _sorted_batches(self, buffer: Batch) -> list[Batch]:
        """Batches of similar length, the shortest first, here as within them."""
        lengths = np.array([len(samples) for _, samples in buffer], dtype=np.int64)
        budget = int(self.batch_s * self.encoder.sampling_rate)
        return [[buffer[index] for index in batch] for batch in sorted_batches(lengths, budget)]

    def _embed(self, batch: Batch) -> dict[str, np.ndarray] | None:
        """attribute -> (windows, dim) float32; None where the batch does not fit into memory."""
        speech = pad_sequence([torch.from_numpy(samples) for _, samples in batch], batch_first=True)
        num_samples = torch.tensor([len(samples) for _, samples in batch])
        try:
            embeddings = self.model.embed(speech.to(self.device), num_samples.to(self.device))
            return {name: vectors.cpu().numpy() for name, vectors in embeddings.items()}
        except RuntimeError as error:
            if not is_out_of_memory_error(error):
                raise
            return None


def _check_array(samples: np.ndarray, name: str) -> None:
    """What `read_audio` checks of a file."""
    if samples.dtype.kind != "f":
        raise UserError(f"{name}: an array of {samples.dtype}, expected floats in [-1, 1]; divide 16-bit ones by 32768")
    if samples.ndim != 1:
        raise UserError(f"{name}: an array of shape {samples.shape}, expected (samples,); take or average one channel")
    if not np.isfinite(samples).all():
        raise UserError(f"{name}: sample {np.argmin(np.isfinite(samples))} is not a finite number")
