"""Audio sources as `UttEncoder.encode` takes them."""

from collections.abc import Sequence

import numpy as np

from espnet_ext.data.audio import read_dumped
from espnet_ext.data.places import is_dumped
from espnet_ext.data.segments import AudioSource


class SourceReader(Sequence):
    """Recordings of files, folders, data and dump directories; a dumped one is decoded when it is its turn."""

    def __init__(self, sources: Sequence[AudioSource]) -> None:
        self.sources = sources

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, index: int) -> AudioSource | np.ndarray:
        source = self.sources[index]
        return read_dumped(source.path) if is_dumped(source.path) else source
