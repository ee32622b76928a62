"""Layers of the frozen encoder on disk: computed once, read at every epoch."""

from pathlib import Path
from typing import BinaryIO

import numpy as np

from espnet_ext.utils.errors import UserError


def append_layers(stream: BinaryIO, path: Path, layers: np.ndarray) -> str:
    """Write one utterance's layers at the end of an open file.

    Args:
        stream: opened for writing in binary mode.
        path: the name that the file will have once it is complete.
        layers: (frames, num_layers, dim) or (frames, dim) float16; half precision keeps the cache at 2 bytes a value.

    Returns:
        `path:offset`, for the scp file.
    """
    offset = stream.tell()
    layers = np.ascontiguousarray(layers)
    # As np.lib.format.write_array, but with an error that reports a full disk.
    np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(layers))
    stream.write(layers.data)
    return f"{path}:{offset}"


def read_layers(entry: str) -> np.ndarray:
    """Read what `append_layers` wrote, (frames, num_layers, dim) or (frames, dim) float16.

    Plain reads, not a memory map: mapped pages would count as this process's memory.

    Raises:
        UserError: naming the entry, if the file is absent, truncated or not a file of layers.
    """
    path, offset = entry.rsplit(":", 1)
    try:
        with open(path, "rb") as stream:
            stream.seek(int(offset))
            return np.lib.format.read_array(stream, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{entry}: cannot read layers ({error}); delete this folder and run stage 3 again") from error
