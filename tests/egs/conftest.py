"""Recipes small enough for tests, in folders whose names need quoting. Each runs once."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from helpers.emotion_recipe import EmotionRecipe
from helpers.paper_recipe import PaperRecipe
from helpers.tiny_recipe import TinyRecipe


@pytest.fixture(scope="session")
def root() -> Path:
    """Folder of all recipes, shared by the processes of pytest-xdist."""
    return Path(os.environ["ESPNET_EXT_TEST_RECIPES"])


@pytest.fixture(scope="session")
def finished_run(root: Path) -> dict[str, Any]:
    """Output and digests of `finished` before any test runs it again. Two processes need it; one runs it."""
    run = root / "finished.json"
    with FileLock(run.with_suffix(".lock")):
        if not run.exists():
            recipe = TinyRecipe.make(root / "finished/my recipe")
            output = recipe.run()
            run.write_text(json.dumps({"output": output, "digests": recipe.digests()}))
    return json.loads(run.read_text())


@pytest.fixture(scope="session")
def finished(root: Path, finished_run: dict[str, Any]) -> TinyRecipe:
    """tests/egs/tiny after an uninterrupted run; tests read it, or run it again with another `--expdir`."""
    recipe = TinyRecipe(root / "finished/my recipe")
    recipe.output = finished_run["output"]
    return recipe


@pytest.fixture(scope="session")
def killed(root: Path) -> TinyRecipe:
    """tests/egs/tiny after a run that was killed and started again several times."""
    recipe = TinyRecipe.make(root / "killed/my recipe")
    recipe.run_with_kills()
    return recipe


@pytest.fixture(scope="session")
def paper(root: Path) -> PaperRecipe:
    """egs/fleurs_voxceleb after an uninterrupted run of all stages on tiny corpora; tests read it or run it again."""
    recipe = PaperRecipe.lay_out(root / "paper")
    recipe.run_on_corpora()
    return recipe


@pytest.fixture(scope="session")
def emotion(root: Path) -> EmotionRecipe:
    """egs/emotion after all stages, on tiny corpora of all three layouts; tests read it or run it again."""
    recipe = EmotionRecipe.lay_out(root / "emotion")
    recipe.run_on("crema_d", "ravdess", "iemocap")
    return recipe
