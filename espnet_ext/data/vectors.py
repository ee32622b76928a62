"""Vectors by utterance: a Kaldi archive and its scp file."""

from collections.abc import Iterable
from pathlib import Path

import kaldiio
import numpy as np

from espnet_ext.data.atomic import atomic_path
from espnet_ext.data.scp import write_scp


def write_vectors(ark: Path, vectors: Iterable[tuple[str, np.ndarray]]) -> None:
    """Write float32 vectors (dim,) by utterance to an archive, and then the scp file of the same name."""
    entries = {}
    with atomic_path(ark) as temporary, temporary.open("wb") as stream:
        for utterance, vector in vectors:
            # An scp entry points behind the key and its space.
            entries[utterance] = f"{ark}:{stream.tell() + len(utterance.encode()) + 1}"
            kaldiio.save_ark(stream, {utterance: vector})
    write_scp(ark.with_suffix(".scp"), entries)
