"""Embeddings of any audio from a trained model: `UttEncoder`."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from espnet_ext.audio.windows import read_windows
from espnet_ext.hub.fetch_model import model_folder
from espnet_ext.inference.recordings import Recording, check_is_list, open_recording
from espnet_ext.model.saved_model import load_model
from espnet_ext.teachers.runtime import Runtime
from espnet_ext.utils.batching import batch_seconds, sorted_batches
from espnet_ext.utils.errors import UserError

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

    def encode(self, audio: Iterable[Recording], sampling_rate: float = 16_000) -> dict[str, np.ndarray]:
        """Embed recordings.

        Args:
            audio: recordings in any mixture of forms: file names, parts of files, the bytes of a file, float arrays,
                tensors or lists (samples,) in [-1, 1], pairs (array, sampling_rate), and dicts with `array` and
                `sampling_rate`, with `bytes` or with `path`.
            sampling_rate: of the arrays that come without one, Hz.

        Returns:
            attribute -> (recordings, dim) float32 of unit length.

        Raises:
            UserError: a recording, by its name or index, is none of these, cannot be read, has samples that are
                not finite or far beyond [-1, 1], or is too short for one frame; the model's weights are broken; or
                one window alone does not fit into memory.
        """
        return self._encode(audio, sampling_rate, None)

    def encode_readable(self, audio: Iterable[Recording]) -> tuple[dict[str, np.ndarray], dict[int, str]]:
        """Embed the recordings that can be read; see `encode`.

        Returns:
            attribute -> (readable recordings, dim) float32 of unit length; and index -> error of the others.
        """
        errors: dict[int, str] = {}
        return self._encode(audio, self.encoder.sampling_rate, errors), errors

    def _encode(
        self, audio: Iterable[Recording], sampling_rate: float, errors: dict[int, str] | None
    ) -> dict[str, np.ndarray]:
        """See `encode`; with `errors`, recordings that cannot be read are left out and added there."""
        check_is_list(audio)
        # A context around all batches keeps autocast's bfloat16 copies of the weights from one to the next;
        # inference_mode would have them made again for each.
        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
            sums = self._sum_windows(self._windows(audio, sampling_rate, errors))
            for index in errors or ():
                sums.pop(index, None)  # read in part
            # Without recordings, silence has the attributes and their sizes.
            like = next(iter(sums.values()), None) or self._embed([(0, np.zeros(self.encoder.min_samples, np.float32))])
        embeddings = {}
        for name, vectors in like.items():
            total = np.array([sums[index][name] for index in sorted(sums)]).reshape(-1, vectors.shape[-1])
            embeddings[name] = (total / np.linalg.norm(total, axis=1, keepdims=True)).astype(np.float32)
            _check_vectors(embeddings[name], name, sorted(sums))
        return embeddings

    def _sum_windows(self, windows: Iterable[tuple[int, np.ndarray]]) -> dict[int, dict[str, np.ndarray]]:
        """Recording -> attribute -> float64 (dim,): the sum of its windows' embeddings, weighted by duration."""
        sums: dict[int, dict[str, np.ndarray]] = {}
        for batch, embeddings in self._embedded(windows):
            for name, vectors in embeddings.items():
                for (index, samples), vector in zip(batch, vectors, strict=True):
                    total = sums.setdefault(index, {})
                    total[name] = total.get(name, 0.0) + len(samples) * vector.astype(np.float64)
        return sums

    def label(self, embeddings: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Predict labels with the model's classifiers.

        Args:
            embeddings: of `encode`, of any attributes.

        Returns:
            attribute -> (recordings,) names of classes, or numbers in the label's unit; labeled attributes only.
        """
        on_device = {name: torch.from_numpy(vectors).to(self.device) for name, vectors in embeddings.items()}
        with torch.inference_mode():
            predicted = {name: values.cpu().numpy() for name, values in self.model.predict(on_device).items()}
        spaces = {name: self.model.objectives[name].labels for name in predicted}
        return {
            name: np.array(list(spaces[name].classes))[values.argmax(axis=1)] if spaces[name].classes else values[:, 0]
            for name, values in predicted.items()
        }

    def _windows(
        self, audio: Iterable[Recording], sampling_rate: float, errors: dict[int, str] | None
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Index of the recording and samples of each window; recordings that cannot be read are added to `errors`."""
        for index, recording in enumerate(audio):
            try:
                for window in self._windows_of(recording, f"recording {index}", sampling_rate):
                    yield index, window
            except UserError as error:
                if errors is None:
                    raise
                errors[index] = str(error)

    def _windows_of(self, recording: Recording, where: str, sampling_rate: float) -> Iterator[np.ndarray]:
        encoder = self.encoder
        with open_recording(recording, where, sampling_rate, encoder.sampling_rate) as (source, name):
            windows = read_windows(source, encoder.sampling_rate, encoder.max_samples, self.downmix)
            for number, window in enumerate(windows):
                if len(window) >= encoder.min_samples:
                    yield window
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
                problem = f"out of memory on {self.device} in a batch of {len(batch)} ({padded_s:g} s of audio, padded)"
                if len(batch) == 1:
                    raise UserError(f"{problem}; use --autocast bfloat16 or another --device")
                logging.warning(f"{problem}: continuing with batches of half the size")
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
            found = {name: vectors.cpu().numpy() for name, vectors in embeddings.items()}
        except RuntimeError as error:
            # torch.OutOfMemoryError on CUDA, a plain RuntimeError of this message on MPS.
            if "out of memory" not in str(error).lower():
                raise
            return None
        for name, vectors in found.items():
            _check_vectors(vectors, name, [index for index, _ in batch])
        return found


def _check_vectors(vectors: np.ndarray, attribute: str, indices: Sequence[int]) -> None:
    """Refuse (UserError) vectors that are not finite or all zeros, which no sound of finite samples gives."""
    broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1) | ~vectors.any(axis=1))
    if broken.size:
        raise UserError(
            f"recording {indices[broken[0]]}: its {attribute} embedding is not a finite vector other than 0; "
            "the weights of the model are broken: train or download it again"
        )
