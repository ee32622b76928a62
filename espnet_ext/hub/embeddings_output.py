"""Embeddings in one npz file or in Kaldi archives, under the names of their recordings."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import batched
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from espnet_ext.data.atomic import atomic_path
from espnet_ext.data.scp import scp_line
from espnet_ext.data.vectors import write_vectors
from espnet_ext.errors import UserError

IDS_AT_ONCE = 10_000


def check_output(out: Path, identities: Iterable[str]) -> None:
    """Check that recordings of these ids can be written to `out`; UserError names the first that cannot."""
    if out.suffix == ".npz":
        if out.is_dir():
            raise UserError(f"--out {out}: a folder; name a file X.npz, or a folder that does not end in .npz")
        return
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out}: a file; name a file X.npz, or a folder for Kaldi archives")
    for identity in identities:
        try:
            scp_line(out, identity, f"{out}/x.ark:0")
        except UserError as error:
            raise UserError(f"{error}; an npz file can hold every name: --out X.npz") from error


def parts_folder(out: Path) -> Path:
    """Folder of the embeddings that a run has made before it writes `out`."""
    return out.with_name(f"{out.name}.parts") if out.suffix == ".npz" else out / "parts"


def write_embeddings(out: Path, identities: Sequence[str], embeddings: Mapping[str, np.ndarray]) -> list[Path]:
    """Write one npz (`ids` and one array an attribute) or, to a folder, one Kaldi archive an attribute."""
    if out.suffix == ".npz":
        _write_npz(out, identities, embeddings)
        return [out]
    for name, vectors in embeddings.items():
        write_vectors(out / f"{name}.ark", zip(identities, vectors, strict=True))
    return [out / f"{name}.scp" for name in embeddings]


def _write_npz(out: Path, identities: Sequence[str], embeddings: Mapping[str, np.ndarray]) -> None:
    """As np.savez, but `ids` is compressed: all ids take as much room as the longest."""
    with atomic_path(out) as temporary, ZipFile(temporary, "w") as archive:
        with _member(archive, "ids", ZIP_DEFLATED) as stream:
            _write_strings(stream, identities)
        for name, vectors in embeddings.items():
            with _member(archive, name, ZIP_STORED) as stream:
                np.lib.format.write_array(stream, vectors, allow_pickle=False)


def _member(archive: ZipFile, name: str, compression: int) -> BinaryIO:
    info = ZipInfo(f"{name}.npy")
    info.compress_type = compression
    return archive.open(info, "w", force_zip64=True)


def _write_strings(stream: BinaryIO, strings: Sequence[str]) -> None:
    """Write a string array in npy format, without all of it in memory."""
    dtype = np.dtype(f"<U{max(map(len, strings))}")
    header = {"descr": dtype.str, "fortran_order": False, "shape": (len(strings),)}
    np.lib.format.write_array_header_1_0(stream, header)
    for some in batched(strings, IDS_AT_ONCE):
        stream.write(np.array(some, dtype).tobytes())
