"""Recipes small enough for tests, in folders whose names need quoting. Each runs once, in the process of its group."""

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "data/corpora")]

from emotion_recipe import EmotionRecipe  # noqa: E402  (next to this file)
from paper_recipe import PaperRecipe  # noqa: E402
from tiny_recipe import TinyRecipe  # noqa: E402


@pytest.fixture(scope="session")
def root() -> Iterator[Path]:
    """Folder of all recipes; it is removed after the tests."""
    with TemporaryDirectory(prefix="it's a test ", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def finished(root: Path) -> TinyRecipe:
    """tests/egs/tiny after an uninterrupted run of all stages; to be read, or run again with other `--expdir`."""
    recipe = TinyRecipe.make(root / "finished/my recipe")
    recipe.run()
    return recipe


@pytest.fixture(scope="session")
def killed(root: Path) -> TinyRecipe:
    """tests/egs/tiny after a run that was killed and started again several times."""
    recipe = TinyRecipe.make(root / "killed/my recipe")
    recipe.run_with_kills()
    return recipe


@pytest.fixture(scope="session")
def paper(root: Path) -> PaperRecipe:
    """egs/fleurs_voxceleb after an uninterrupted run of all stages on tiny corpora; to be read, or run again."""
    recipe = PaperRecipe.lay_out(root / "paper")
    recipe.run_on_corpora()
    return recipe


@pytest.fixture(scope="session")
def emotion(root: Path) -> EmotionRecipe:
    """egs/emotion after all stages, on tiny corpora of all three layouts; to be read, or run again."""
    recipe = EmotionRecipe.lay_out(root / "emotion")
    recipe.run_on("crema_d", "ravdess", "iemocap")
    return recipe
