"""Recipes small enough for tests, in folders whose names need quoting. They run in processes of their own from the
first test of the session on, and the tests that look at them come last."""

import sys
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "data/corpora")]

from emotion_recipe import EmotionRecipe  # noqa: E402  (beside this file)
from paper_recipe import PaperRecipe  # noqa: E402
from tiny_recipe import TinyRecipe  # noqa: E402

# Fixture -> how the recipe is laid out, and how it is run; two at a time, in this order.
RECIPES: dict[str, tuple[Callable[[Path], TinyRecipe], Callable[[TinyRecipe], object]]] = {
    "killed": (lambda root: TinyRecipe.make(root / "my recipe"), TinyRecipe.run_with_kills),
    "finished": (lambda root: TinyRecipe.make(root / "my recipe"), TinyRecipe.run),
    "paper": (PaperRecipe.lay_out, PaperRecipe.run_on_corpora),
    "emotion": (EmotionRecipe.lay_out, lambda recipe: recipe.run_on("crema_d", "ravdess", "iemocap")),
}
RUNS = pytest.StashKey[dict[str, Future[TinyRecipe]]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.is_relative_to(HERE))


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Begin the runs that the selected tests look at."""
    needed = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    if session.config.option.collectonly or not needed & set(RECIPES):
        return (yield)
    with TemporaryDirectory(prefix="it's a test ", ignore_cleanup_errors=True) as folder:
        executor = ThreadPoolExecutor(2)
        session.stash[RUNS] = {name: _begin(executor, name, Path(folder) / name) for name in RECIPES if name in needed}
        try:
            return (yield)
        finally:
            executor.shutdown(cancel_futures=True)


def _begin(executor: ThreadPoolExecutor, name: str, root: Path) -> Future[TinyRecipe]:
    lay_out, run = RECIPES[name]
    future: Future[TinyRecipe] = Future()
    try:
        # Here and not in the thread, where it would meet the seeds and patches of other tests.
        root.mkdir()
        recipe = lay_out(root)
    except Exception as error:
        future.set_exception(error)
        return future

    def run_it() -> TinyRecipe:
        run(recipe)
        return recipe

    return executor.submit(run_it)


@pytest.fixture(scope="session")
def finished(request: pytest.FixtureRequest) -> TinyRecipe:
    """tests/egs/tiny after an uninterrupted run of all stages; to be read, or run again with other `--expdir`."""
    return request.session.stash[RUNS]["finished"].result()


@pytest.fixture(scope="session")
def killed(request: pytest.FixtureRequest) -> TinyRecipe:
    """The same after a run that was killed and started again several times."""
    return request.session.stash[RUNS]["killed"].result()


@pytest.fixture(scope="session")
def paper(request: pytest.FixtureRequest) -> PaperRecipe:
    """egs/fleurs_voxceleb after an uninterrupted run of all stages on tiny corpora; to be read, or run again."""
    return request.session.stash[RUNS]["paper"].result()


@pytest.fixture(scope="session")
def emotion(request: pytest.FixtureRequest) -> EmotionRecipe:
    """egs/emotion after all stages, on tiny corpora of all three layouts; to be read, or run again."""
    return request.session.stash[RUNS]["emotion"].result()
