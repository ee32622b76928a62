"""The CTranslate2 reader on a file written byte by byte, whole and damaged."""

import struct
from pathlib import Path

import numpy as np
import pytest

from espnet_ext.utils.errors import UserError
from packages.ctranslate2 import read_ctranslate2

WEIGHT = np.array([[1.5, -2.0, 0.25], [3.0, 4.0, -5.5]], dtype="<f2")


def string(text: str) -> bytes:
    return struct.pack("<H", len(text.encode()) + 1) + text.encode() + b"\0"


def variable(name: str, shape: tuple[int, ...], code: int, data: bytes) -> bytes:
    dims = b"".join(struct.pack("<I", size) for size in shape)
    return string(name) + bytes([len(shape)]) + dims + bytes([code]) + struct.pack("<I", len(data)) + data


def model_bytes(version: int = 6, code: int = 4, alias_of: str = "a/weight") -> bytes:
    variables = [
        variable("a/weight", (2, 3), code, WEIGHT.tobytes()),
        variable("a/num_heads", (), 2, struct.pack("<h", 8)),
        variable("ключ", (2,), 0, struct.pack("<2f", 0.5, -1.0)),
    ]
    head = struct.pack("<I", version) + string("WhisperSpec") + struct.pack("<II", 3, len(variables))
    return head + b"".join(variables) + struct.pack("<I", 1) + string("b/weight") + string(alias_of)


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "model file.bin"
    path.write_bytes(model_bytes())
    return path


def test_names_shapes_types_and_aliases_are_read(model_file: Path) -> None:
    model = read_ctranslate2(model_file)
    assert (model.specification, model.revision) == ("WhisperSpec", 3)
    assert set(model.variables) == {"a/weight", "a/num_heads", "ключ", "b/weight"}
    assert model.variables["a/weight"].dtype == np.float16
    np.testing.assert_array_equal(model.variables["a/weight"], WEIGHT)
    np.testing.assert_array_equal(model.variables["b/weight"], WEIGHT)
    assert model.variables["a/num_heads"].shape == ()
    assert model.variables["a/num_heads"] == 8
    np.testing.assert_array_equal(model.variables["ключ"], np.float32([0.5, -1.0]))


def test_the_error_names_a_file_truncated_at_any_byte(tmp_path: Path) -> None:
    whole = model_bytes()
    path = tmp_path / "cut.bin"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match="cut.bin"):
            read_ctranslate2(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (model_bytes(version=5), "binary version 5, expected 6"),
        (model_bytes(code=77), "'a/weight' has the unknown type code 77"),
        (model_bytes(alias_of="nothing"), "nothing"),
        (model_bytes() + b"x", "1 bytes follow"),
        (b"PK\3\4 a zip file", "binary version"),
    ],
)
def test_the_error_of_another_format_gives_the_reason(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_ctranslate2(tmp_path / "model.bin")
