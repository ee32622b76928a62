"""BGE-M3's dense vectors (Chen et al., 2024, arXiv 2402.03216): XLM-R, its first token's state, L2."""

from espnet_ext.teachers.runtime import DEFAULT_RUNTIME, Runtime
from espnet_ext.teachers.sentence_transformers import SentenceTransformersTeacher


class BgeM3Teacher(SentenceTransformersTeacher):
    """Text teacher of over 100 languages, 1024-d: the paper's semantic one.

    Its pooling (first token, L2) is what the model's own `modules.json` says.

    Args:
        revision: commit or tag of the hub.
        precision: `float32` or, for speed on a GPU, `bfloat16`.
        runtime: where to compute, and the offline weights.

    Raises:
        UserError: the package is not installed, or the model cannot be had or read.
    """

    name = "bge_m3"

    def __init__(
        self, revision: str | None = None, precision: str = "float32", runtime: Runtime = DEFAULT_RUNTIME
    ) -> None:
        super().__init__("BAAI/bge-m3", revision, precision=precision, runtime=runtime)
