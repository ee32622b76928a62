"""Vectors by utterance in a Kaldi archive and its scp file, or in one npz file; unit length."""

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import batched
from pathlib import Path
from typing import IO

import numpy as np

from espnet_ext.kaldi.archives import write_ark
from espnet_ext.kaldi.scp import write_scp
from espnet_ext.utils.atomic import atomic_path

STRINGS_AT_ONCE = 10_000


def write_vectors(ark: Path, vectors: Iterable[tuple[str, np.ndarray]]) -> None:
    """Write float32 vectors (dim,) by utterance to an archive, and then the scp file of the same name."""
    write_scp(ark.with_suffix(".scp"), write_ark(ark, vectors))


def write_npz(path: Path, ids: Sequence[str], vectors: Mapping[str, np.ndarray]) -> None:
    """Write `ids` (a string array) and arrays by name to one file, which `np.load` reads without pickle.

    The width of a string array is that of its longest string, so `ids` is deflated. Vectors hardly compress.
    """
    # numpy compresses all members or none.
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        with archive.open(_member("ids", zipfile.ZIP_DEFLATED), "w", force_zip64=True) as member:
            _write_strings(member, ids)
        for name, rows in vectors.items():
            with archive.open(_member(name, zipfile.ZIP_STORED), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, rows, allow_pickle=False)


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """(..., dim) vectors in float64 at unit length; a zero vector becomes NaN."""
    vectors = np.asarray(vectors, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _member(name: str, compression: int) -> zipfile.ZipInfo:
    """Zip member without the time of writing: equal arrays give equal bytes."""
    info = zipfile.ZipInfo(f"{name}.npy")
    info.compress_type = compression
    return info


def _write_strings(stream: IO[bytes], strings: Sequence[str]) -> None:
    """Write a string array in batches: a million strings with a long one among them take gigabytes in memory."""
    dtype = np.dtype(f"<U{max(map(len, strings), default=1)}")
    header = {"descr": dtype.str, "fortran_order": False, "shape": (len(strings),)}
    np.lib.format.write_array_header_1_0(stream, header)
    for batch in batched(strings, STRINGS_AT_ONCE):
        stream.write(np.array(batch, dtype).tobytes())
