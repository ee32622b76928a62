"""Toy recordings, and chunks of a few of them."""

from pathlib import Path

import pytest


@pytest.fixture
def recordings(tmp_path: Path) -> object:
    from helpers.toy_recordings import Recordings

    return Recordings(tmp_path / "some recordings")


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("espnet_ext.inference.embed_files.CHUNK_RECORDINGS", 8)
