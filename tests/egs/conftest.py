"""A recipe small enough for tests, in folders whose names need quoting: run once, and run once more with kills."""

import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tiny_recipe import TinyRecipe  # noqa: E402  (beside this file)


@pytest.fixture(scope="session")
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TinyRecipe:
    """The recipe after an uninterrupted run of all stages; to be read, or run again with other `--expdir`."""
    if any("killed" in item.fixturenames for item in request.session.items):
        request.getfixturevalue("killed")  # goes on meanwhile
    recipe = TinyRecipe.make(tmp_path_factory.mktemp("it's a test") / "my recipe")
    recipe.run()
    return recipe


@pytest.fixture(scope="session")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[TinyRecipe]]:
    """The recipe after a run that was killed and started again several times; under way."""
    recipe = TinyRecipe.make(tmp_path_factory.mktemp("it's killed") / "my recipe")
    with ThreadPoolExecutor(1) as executor:
        yield executor.submit(recipe.run_with_kills)
