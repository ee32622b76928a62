"""Texts go to the teacher that the model's description names."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from espnet_ext.errors import UserError
from espnet_ext.search.text_teacher import embed_text, text_attribute
from espnet_ext.teachers import TEACHERS, AbsTeacher, Runtime


class LetterTeacher(AbsTeacher):
    """Counts of the letters a to d."""

    name = "letters"
    modality = "text"
    version = "1"
    dim = 4
    normalisation = "none"

    def __init__(self, upper: bool = False) -> None:
        self.letters = "ABCD" if upper else "abcd"

    def _embed(self, items: Any) -> np.ndarray:
        return np.array([[text.count(letter) for letter in self.letters] for text in items])


@pytest.fixture
def make_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(TEACHERS, "letters", LetterTeacher)

    def make(dim: int = 4, **sources: str) -> Path:
        attributes = {
            name: {"target": {"teacher": "letters", "source": source, "options": {"upper": True}}, "head": {"dim": dim}}
            for name, source in sources.items()
        }
        (tmp_path / "model.json").write_text(json.dumps({"attributes": attributes}))
        return tmp_path

    return make


def test_a_text_goes_to_the_only_attribute_with_a_text_teacher(make_model: Any) -> None:
    model = make_model(spk="speech", sem="text")
    assert text_attribute(model, None) == text_attribute(model, "sem") == "sem"
    np.testing.assert_allclose(embed_text(model, "sem", "A BABA d", Runtime()), np.array([3, 2, 0, 0]) / 13**0.5, 1e-6)


def test_without_a_text_teacher_a_text_is_refused(make_model: Any) -> None:
    with pytest.raises(UserError, match="no attribute of this model has a text teacher; ask with --audio"):
        text_attribute(make_model(spk="speech", lang="labels"), None)


def test_the_attribute_must_be_clear(make_model: Any) -> None:
    model = make_model(topic="text", spk="speech", sem="text")
    assert text_attribute(model, "sem") == "sem"
    with pytest.raises(UserError, match="topic, sem have text teachers; choose one with --text_attribute"):
        text_attribute(model, None)
    with pytest.raises(UserError, match="'spk' has no text teacher; those that have: topic, sem"):
        text_attribute(model, "spk")


def test_texts_and_teachers_of_no_use_are_refused(make_model: Any) -> None:
    with pytest.raises(UserError, match="--text: an empty text"):
        embed_text(make_model(sem="text"), "sem", " \n", Runtime())
    with pytest.raises(UserError, match="letters makes nothing of the text 'xyz'"):
        embed_text(make_model(sem="text"), "sem", "xyz", Runtime())
    with pytest.raises(UserError, match="sem has 8 dimensions, its teacher letters has 4"):
        embed_text(make_model(sem="text", dim=8), "sem", "A", Runtime())
