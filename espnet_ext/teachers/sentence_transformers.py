"""Sentence encoders of the Hugging Face hub in the format of sentence-transformers."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from espnet_ext.teachers.abs_teacher import AbsTeacher, package_version
from espnet_ext.teachers.runtime import (
    DEFAULT_RUNTIME,
    Runtime,
    fingerprint,
    hub_folder,
    local_folder,
    teacher_inference,
)
from espnet_ext.utils.batching import sorted_batches
from espnet_ext.utils.errors import UserError

# Never code. Weights are safetensors; pickled weights are used only for a part that has no safetensors.
CONFIG_FILES = ("*.json", "*.txt", "*.model", "*.safetensors")
PICKLED = "pytorch_model*.bin"
# It defines the pooling; without it, the library would guess.
MODULES = "modules.json"
EXPECTED = (MODULES, f"*.safetensors|*/*.safetensors|{PICKLED}|*/{PICKLED}")
# Padded characters of a batch, which need about 1 GiB on a CPU and 4 GiB on a GPU.
CPU_BATCH, GPU_BATCH = 8_000, 100_000


class SentenceTransformersTeacher(AbsTeacher):
    """Text teacher with any model of sentence-transformers.

    The library truncates a text with more tokens than the model's maximum (BGE-M3: 8192).

    Args:
        model: hub id or folder, for instance `intfloat/multilingual-e5-base`.
        revision: commit or tag of the hub.
        prompt: prefix of every text, for models that require one (e5: `query: `); None = the model's default.
        precision: `float32` or, for speed on a GPU, `bfloat16`.
        runtime: device and offline weights.

    Raises:
        UserError: the package is not installed, or the model is missing or invalid.
    """

    name = "sentence_transformers"
    modality = "text"

    def __init__(
        self,
        model: str,
        revision: str | None = None,
        prompt: str | None = None,
        precision: str = "float32",
        runtime: Runtime = DEFAULT_RUNTIME,
    ) -> None:
        package = package_version("sentence-transformers", self.name)
        from sentence_transformers import SentenceTransformer

        self.compute_on(runtime, precision)
        self.prompt = prompt
        folder = local_folder(self.name, model, runtime.teacher_dir, EXPECTED) or _fetch(self.name, model, revision)
        try:
            self.model = SentenceTransformer(
                str(folder), device=str(self.device), trust_remote_code=False, local_files_only=True
            ).eval()
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
            raise UserError(f"teacher {self.name}: {folder} cannot be read as a model: {error}") from error
        self.dim = self.model.get_embedding_dimension()
        self.version = f"sentence-transformers {package} {model} {fingerprint(_files_read(folder))}"
        used = prompt if prompt is not None else self.model.prompts.get(self.model.default_prompt_name)
        self.normalisation = f"{f'prefix `{used}`' if used else 'text as written'}; {precision}; L2"

    def _embed(self, items: Sequence[str]) -> np.ndarray:
        vectors = np.empty((len(items), self.dim), np.float32)
        lengths = np.array([len(text) for text in items])
        for batch in sorted_batches(lengths, GPU_BATCH if self.num_gpus else CPU_BATCH):
            texts = [items[index] for index in batch]
            with teacher_inference(self.device, self.precision):
                vectors[batch] = self.model.encode(
                    texts, prompt=self.prompt, batch_size=len(texts), show_progress_bar=False
                )
        return vectors


class BgeM3Teacher(SentenceTransformersTeacher):
    """The paper's text teacher: BGE-M3's dense vectors (Chen et al., 2024, arXiv 2402.03216), 1024-d, 100 languages.

    The model's own `modules.json` sets the pooling: the state of the first token, L2-normalized.

    Args:
        revision: commit or tag of the hub.
        precision: `float32` or, for speed on a GPU, `bfloat16`.
        runtime: device and offline weights.

    Raises:
        UserError: the package is not installed, or the model cannot be found or read.
    """

    name = "bge_m3"

    def __init__(
        self, revision: str | None = None, precision: str = "float32", runtime: Runtime = DEFAULT_RUNTIME
    ) -> None:
        super().__init__("BAAI/bge-m3", revision, precision=precision, runtime=runtime)


def _fetch(teacher: str, model: str, revision: str | None) -> Path:
    folder = hub_folder(teacher, model, revision, CONFIG_FILES)
    lacking = [part for part in _parts(folder) if not any((folder / part).glob("*.safetensors"))]
    return hub_folder(teacher, model, revision, [*CONFIG_FILES, *(str(part / PICKLED) for part in lacking)])


def _parts(folder: Path) -> list[Path]:
    """Paths of the model's modules in its folder, from `modules.json`."""
    try:
        modules = json.loads((folder / MODULES).read_text(encoding="utf-8"))
        return [Path(module["path"]) for module in modules]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{folder / MODULES}: not a list of modules ({type(error).__name__}); download the model again"
        ) from error


def _files_read(folder: Path) -> list[Path]:
    """All files on which the vectors depend; a folder may contain other formats of the model too."""
    files = set(folder.glob("*.json"))
    for part in _parts(folder):
        weights = list((folder / part).glob("*.safetensors")) or list((folder / part).glob(PICKLED))
        files |= {*weights, *(folder / part).glob("*.json")}
    return sorted(files)
