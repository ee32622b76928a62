"""Embeddings in one npz file or in Kaldi archives, under the names of their recordings."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from espnet_ext.kaldi.scp import write_scp
from espnet_ext.kaldi.vectors import write_npz, write_vectors
from espnet_ext.utils.errors import UserError


def check_output(out: Path, identities: Iterable[str]) -> None:
    """Check that recordings of these ids can be written to `out`; UserError names the first that cannot."""
    if out.suffix == ".npz":
        if out.is_dir():
            raise UserError(f"--out {out}: a folder; name a file X.npz, or a folder that does not end in .npz")
        return
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out}: a file; name a file X.npz, or a folder for Kaldi archives")
    with TemporaryDirectory() as folder:
        try:
            write_scp(Path(folder, "scp"), dict.fromkeys(identities, f"{out}/x.ark:0"))
        except UserError as error:
            problem = str(error).replace(folder, str(out))
            raise UserError(f"{problem}; an npz file can hold every name: --out X.npz") from error


def parts_folder(out: Path) -> Path:
    """Folder of the embeddings that a run has made before it writes `out`."""
    return out.with_name(f"{out.name}.parts") if out.suffix == ".npz" else out / "parts"


def write_embeddings(out: Path, identities: Sequence[str], embeddings: Mapping[str, np.ndarray]) -> list[Path]:
    """Write one npz (`ids` and one array for each attribute), or a folder of one Kaldi archive for each attribute."""
    if out.suffix == ".npz":
        write_npz(out, identities, embeddings)
        return [out]
    for name, vectors in embeddings.items():
        write_vectors(out / f"{name}.ark", zip(identities, vectors, strict=True))
    return [out / f"{name}.scp" for name in embeddings]
