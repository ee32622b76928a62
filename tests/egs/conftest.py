"""A recipe small enough for tests, run once, in a folder whose name needs quoting."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tiny_recipe import TinyRecipe  # noqa: E402  (beside this file)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> TinyRecipe:
    """The recipe after an uninterrupted run of all stages; to be read, or run again with other `--expdir`."""
    recipe = TinyRecipe.make(tmp_path_factory.mktemp("it's a test") / "my recipe")
    recipe.run()
    return recipe
