"""Tiny corpora made once for all tests."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from helpers.clips import Clip


@pytest.fixture(scope="session")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Option of the recipe -> folder; read-only."""
    from helpers.corpora_tree import write_corpora

    return write_corpora(tmp_path_factory.mktemp("corpora"))


@pytest.fixture(scope="session", params=["write_voxpopuli", "write_cut_voxpopuli"])
def voxpopuli(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> "tuple[Path, dict[str, Clip]]":
    """Root and its clips, in either layout; read-only."""
    from helpers import voxpopuli_tree

    root = tmp_path_factory.mktemp("voxpopuli")
    return root, getattr(voxpopuli_tree, request.param)(root, voxpopuli_tree.CLIPS, voxpopuli_tree.ENGLISH)


@pytest.fixture(scope="session")
def voxpopuli_sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root and clips in the layout of whole sessions; read-only."""
    from helpers.voxpopuli_tree import CLIPS, ENGLISH, write_voxpopuli

    root = tmp_path_factory.mktemp("sessions")
    write_voxpopuli(root, CLIPS, ENGLISH)
    return root
