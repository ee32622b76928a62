"""Makes the helpers beside the tests importable, and the corpora of egs/fleurs_voxceleb once for all of them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Option of the recipe -> folder; not to be changed."""
    from corpora_tree import write_corpora

    return write_corpora(tmp_path_factory.mktemp("corpora"))
