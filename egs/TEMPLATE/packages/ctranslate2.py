"""Read the weights of a CTranslate2 model file (binary version 6)."""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from espnet_ext.utils.errors import UserError

BINARY_VERSION = 6
# Codes of ctranslate2/types.h; bfloat16 (5) has no numpy type and no model here uses it.
DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


@dataclass(frozen=True)
class CTranslate2Model:
    """Contents of a model file: the model's specification, its variables and their other names."""

    specification: str
    revision: int
    variables: dict[str, np.ndarray]


class _Cursor:
    """Little-endian reader of a buffer; reading past the end raises EOFError."""

    def __init__(self, buffer: memoryview) -> None:
        self.buffer = buffer
        self.position = 0

    def take(self, num_bytes: int) -> memoryview:
        end = self.position + num_bytes
        if end > len(self.buffer):
            raise EOFError(f"{num_bytes} bytes missing at byte {self.position} of {len(self.buffer)}")
        taken = self.buffer[self.position : end]
        self.position = end
        return taken

    def integer(self, code: str) -> int:
        return struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))[0]

    def string(self) -> str:
        # The length counts the closing NUL.
        return bytes(self.take(self.integer("H"))).rstrip(b"\0").decode()

    def variable(self) -> tuple[str, np.ndarray]:
        name = self.string()
        shape = tuple(self.integer("I") for _ in range(self.integer("B")))
        code = self.integer("B")
        if code not in DTYPES:
            raise ValueError(f"variable {name!r} has the unknown type code {code}")
        values = np.frombuffer(self.take(self.integer("I")), np.dtype(DTYPES[code]).newbyteorder("<"))
        return name, values.reshape(shape)


def read_ctranslate2(path: Path) -> CTranslate2Model:
    """Read all variables of a model file, memory-mapped; an alias is a further name of a variable.

    Args:
        path: a `model.bin` (layout: ctranslate2/src/models/model.cc, binary version 6).

    Raises:
        UserError: the file has another format or version, is truncated, or is longer than its content.
    """
    with open(path, "rb") as file:
        if path.stat().st_size == 0:  # mmap rejects an empty file
            raise UserError(f"{path}: empty model file; remove it and run again")
        cursor = _Cursor(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
    try:
        version = cursor.integer("I")
        if version != BINARY_VERSION:
            raise ValueError(f"binary version {version}, expected {BINARY_VERSION}")
        specification, revision = cursor.string(), cursor.integer("I")
        variables = dict(cursor.variable() for _ in range(cursor.integer("I")))
        for _ in range(cursor.integer("I")):
            alias, name = cursor.string(), cursor.string()
            variables[alias] = variables[name]
        if cursor.position != len(cursor.buffer):
            raise ValueError(f"{len(cursor.buffer) - cursor.position} bytes follow the last alias")
    except (EOFError, ValueError, KeyError) as error:
        raise UserError(f"{path}: not a complete CTranslate2 model: {error}; remove it and run again") from error
    return CTranslate2Model(specification, revision, variables)
