"""Any sentence encoder of the Hugging Face hub that sentence-transformers reads, BGE-M3 among them."""

from collections.abc import Sequence

import numpy as np

from espnet_ext.errors import UserError
from espnet_ext.teachers.abs_teacher import AbsTeacher, package_version

BATCH_TEXTS = 32


class SentenceTransformersTeacher(AbsTeacher):
    """Text teacher by name of its model; the package and the hub are needed only when it is used.

    Args:
        model: hub id or folder, for instance `BAAI/bge-m3` (its dense vector, 1024-d).
        revision: commit or tag of the hub, so that a later run makes the same targets.
        prompt: put before every text, for models that want one (e5: `query: `).
        device: for instance `cpu` or `cuda`; None = the GPU where there is one.

    Raises:
        UserError: the package is not installed, or the model cannot be had.
    """

    name = "sentence_transformers"
    modality = "text"

    def __init__(
        self,
        model: str = "BAAI/bge-m3",
        revision: str | None = None,
        prompt: str = "",
        device: str | None = None,
    ) -> None:
        package = package_version("sentence-transformers", self.name)
        from sentence_transformers import SentenceTransformer

        try:
            self.model = SentenceTransformer(
                model, revision=revision, device=device, trust_remote_code=False
            ).eval()
        except (OSError, ValueError) as error:
            raise UserError(f"teacher {self.name}: cannot get the model {model}: {error}") from error
        self.dim = self.model.get_sentence_embedding_dimension()
        self.version = f"{package} {model} {revision or 'latest'}"
        self.normalisation = f"{f'prefix `{prompt}`; ' if prompt else 'text as written; '}L2"
        self.prompt = prompt

    def _embed(self, items: Sequence[str]) -> np.ndarray:
        texts = [self.prompt + text for text in items]
        return self.model.encode(texts, batch_size=BATCH_TEXTS, show_progress_bar=False)
