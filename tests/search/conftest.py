"""Toy recordings, the manifest of an index of them, and segments of a few rows."""

import sys
from pathlib import Path

import pytest

from espnet_ext.search.manifest import Manifest

sys.path.insert(0, str(Path(__file__).parent))  # toy_recordings.py


@pytest.fixture
def recordings(tmp_path: Path) -> object:
    from toy_recordings import Recordings

    return Recordings(tmp_path / "some recordings")


@pytest.fixture(scope="session")
def manifest() -> Manifest:
    from toy_recordings import DIMS

    return Manifest(model={"model.json": "a" * 64, "model.safetensors": "b" * 64}, autocast="float32", attributes=DIMS)


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("espnet_ext.search.build.MIN_SEGMENT_ROWS", 8)
    monkeypatch.setattr("espnet_ext.search.build.MAX_SEGMENT_ROWS", 8)
