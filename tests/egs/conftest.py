"""A recipe small enough for tests, in folders whose names need quoting: run once, and run once more with kills."""

import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "data/corpora")]

from paper_recipe import PaperRecipe  # noqa: E402  (beside this file)
from tiny_recipe import TinyRecipe  # noqa: E402


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


@pytest.fixture(scope="session")
def paper(tmp_path_factory: pytest.TempPathFactory) -> PaperRecipe:
    """egs/fleurs_voxceleb after an uninterrupted run of all stages on tiny corpora; to be read, or run again."""
    recipe = PaperRecipe.lay_out(tmp_path_factory.mktemp("it's the paper"))
    recipe.run_on_corpora()
    return recipe
