"""A model small enough for unit tests: real architecture, random weights."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

# Before torch is imported. Threads do not speed up matrices this small, and slow down a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

RECIPE_TESTS = Path(__file__).parent / "egs"
# They run again in the folder of the same finished recipe. The recipe that is killed has a separate folder.
TINY_RECIPE_TESTS = ("egs/test_add_attribute.py", "egs/test_bad_input.py", "egs/test_recipe.py")

ATTRIBUTES = {
    "sem": {
        "target": {"teacher": "usem", "from": "text"},
        "head": {"hidden_dim": 8, "dim": 8},
        "objective": [{"name": "cosine"}, {"name": "contrastive", "weight": 0.2}],
        "scoring": ["retrieval"],
    },
    "spk": {
        "target": {"teacher": "resemblyzer", "from": "speech"},
        "head": {"hidden_dim": 8, "dim": 6, "normalize_layers": True},
        "objective": {"name": "cosine", "scale": 2.0},
        "weight": 0.5,
        "scoring": ["verification"],
    },
}


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder for the recipe runs, shared by all processes of pytest-xdist."""
    if not hasattr(config, "workerinput"):
        folder = TemporaryDirectory(prefix="it's a test ", ignore_cleanup_errors=True)
        config.add_cleanup(folder.cleanup)
        os.environ["ESPNET_EXT_TEST_RECIPES"] = folder.name


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of recipes first: they take longest."""
    items.sort(key=lambda item: item.path.parent != RECIPE_TESTS)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Assign all tests of a file, or of the files that use the same recipe folder, to one process of pytest-xdist."""
    from xdist.scheduler import LoadFileScheduling

    class RecipeScheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "tiny recipe" if file.endswith(TINY_RECIPE_TESTS) else file

    return RecipeScheduling(config, log)


@pytest.fixture
def serve() -> Iterator[Callable[[type[BaseHTTPRequestHandler]], str]]:
    """Function that starts a local HTTP server with a handler and returns its address."""
    with ExitStack() as stack:

        def start(handler: type[BaseHTTPRequestHandler]) -> str:
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), handler))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield start


@pytest.fixture(scope="session")
def attributes_block() -> dict[str, Any]:
    """The `attributes:` block of an attributes file."""
    return ATTRIBUTES


@pytest.fixture(scope="session")
def encoder_config() -> dict[str, Any]:
    """Content of a Whisper config.json: 3 layers of frames, windows of one second."""
    return {
        "model_type": "whisper",
        "d_model": 32,
        "encoder_layers": 2,
        "encoder_attention_heads": 2,
        "encoder_ffn_dim": 64,
        "num_mel_bins": 80,
        "max_source_positions": 50,
    }


@pytest.fixture
def fake_bfloat16(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Function that simulates a CPU with or without native bfloat16."""
    import torch

    def fake(native: bool) -> None:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "avx512_bf16": native})
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512" if native else "AVX2")
        monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)

    return fake


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory, encoder_config: dict, attributes_block: dict) -> Path:
    """Folder of a saved model with random weights; not to be written to."""
    # Imported late: most tests need neither torch nor ESPnet.
    import torch

    from espnet_ext.config.attributes import parse_attributes
    from espnet_ext.model.encoder import build_encoder
    from espnet_ext.model.saved_model import save_model
    from espnet_ext.model.utt_model import UttModel

    torch.manual_seed(0)
    attributes = parse_attributes(attributes_block, "test")
    folder = tmp_path_factory.mktemp("model")
    save_model(folder, UttModel(build_encoder(encoder_config), attributes), encoder_config, attributes)
    return folder


@pytest.fixture
def make_data_dir(tmp_path: Path) -> Callable[..., Path]:
    """Make data/<name> with wav files of given lengths: `make("train", {"a-1": 16000})`."""
    import numpy as np
    import soundfile

    from espnet_ext.kaldi.utterances import Utterance, write_utterances

    def make(name: str, lengths: dict[str, int], source: str = "real") -> Path:
        folder = tmp_path / "data" / name
        (folder / "wav").mkdir(parents=True)
        utterances = []
        for seed, (utterance, length) in enumerate(sorted(lengths.items())):
            path = folder / "wav" / f"{utterance}.wav"
            # 16-bit values: they survive FLAC and 16-bit WAV without loss.
            noise = np.random.default_rng(seed).integers(-8000, 8000, length).astype(np.int16)
            soundfile.write(path, noise, 16000, subtype="PCM_16")
            speaker = utterance.rpartition("-")[0]
            text = f"Text of {name} {utterance}."
            utterances.append(Utterance(utterance, speaker, path, length, "eng", source, text, f"{name}{seed}"))
        write_utterances(folder, utterances)
        return folder

    return make
