"""Layers on disk are read back unchanged."""

from pathlib import Path

import numpy as np
import pytest

from espnet_ext.dump.layer_store import append_layers, read_layers
from espnet_ext.utils.errors import UserError


def test_layers_are_read_by_entry_in_any_order(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    path = tmp_path / "a: b.ark"
    written = [random.normal(size=(frames, 3, 4)).astype(np.float16) for frames in (1, 7, 4)]
    # A view that is not contiguous, like a slice of a padded batch.
    written.append(random.normal(size=(4, 3, 6)).astype(np.float16).transpose(2, 1, 0))
    with path.open("wb") as stream:
        entries = [append_layers(stream, path, layers) for layers in written]
    for layers, entry in reversed(list(zip(written, entries, strict=True))):
        found = read_layers(entry)
        assert found.dtype == np.float16
        np.testing.assert_array_equal(found, layers)


def test_no_object_is_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="a.npy:0: cannot read layers .*allow_pickle"):
        read_layers(f"{tmp_path}/a.npy:0")


def test_the_error_names_a_truncated_or_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "a.ark"
    with path.open("wb") as stream:
        entry = append_layers(stream, path, np.zeros((5, 3, 4), np.float16))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="a.ark:0: cannot read layers .*; delete this folder and run stage 3 again"):
        read_layers(entry)
    path.unlink()
    with pytest.raises(UserError, match="a.ark:0: cannot read layers"):
        read_layers(entry)
