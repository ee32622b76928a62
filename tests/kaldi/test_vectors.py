"""The npz file of embeddings: what numpy reads, and how large it is."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from espnet_ext.kaldi import vectors
from espnet_ext.kaldi.vectors import write_npz

ROWS = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)


@pytest.mark.parametrize("ids", [["a", "bé漢", "x" * 800], ["caf\udce9", "a\nb\t", "c"], ["a b", "", " "]])
def test_ids_and_vectors_are_read_back_without_pickle(
    ids: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "STRINGS_AT_ONCE", 2)
    write_npz(tmp_path / "o.npz", ids, {"sem": ROWS, "spk": ROWS[:, :2]})
    with np.load(tmp_path / "o.npz", allow_pickle=False) as content:
        assert list(content) == ["ids", "sem", "spk"]
        assert content["ids"].dtype.kind == "U" and content["ids"].tolist() == ids
        np.testing.assert_array_equal(content["sem"], ROWS)
        np.testing.assert_array_equal(content["spk"], ROWS[:, :2])
        assert content["sem"].dtype == np.float32


def test_one_long_id_among_thousands_costs_little(tmp_path: Path) -> None:
    ids = [f"speaker-{number:05d}" for number in range(3000)]
    rows = np.zeros((3000, 4), np.float32)
    write_npz(tmp_path / "short.npz", ids, {"sem": rows})
    write_npz(tmp_path / "long.npz", [*ids[:-1], "x" * 800], {"sem": rows})
    sizes = {name: (tmp_path / f"{name}.npz").stat().st_size for name in ("short", "long")}
    assert sizes["short"] < rows.nbytes + 40_000
    assert sizes["long"] < sizes["short"] + 60_000
    with zipfile.ZipFile(tmp_path / "long.npz") as archive:
        kinds = {info.filename: info.compress_type for info in archive.infolist()}
    assert kinds == {"ids.npy": zipfile.ZIP_DEFLATED, "sem.npy": zipfile.ZIP_STORED}


def test_the_same_embeddings_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_npz(tmp_path / name, ["a", "b", "c"], {"sem": ROWS})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
