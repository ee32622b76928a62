"""Text queries are embedded by the teacher that the model description names."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from espnet_ext.search.model import embed_text
from espnet_ext.search.query import QueryTerm
from espnet_ext.teachers import TEACHERS, AbsTeacher, Runtime
from espnet_ext.utils.errors import UserError


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


def embed(model: Path, text: str, attribute: str | None = None) -> QueryTerm:
    return embed_text(model, QueryTerm(attribute, text, -0.5), Runtime())


def test_a_text_is_embedded_by_the_only_text_teacher(make_model: Any) -> None:
    model = make_model(spk="speech", sem="text")
    for attribute in (None, "sem"):
        term = embed(model, "A BABA d", attribute)
        assert term[:3] == ("sem", "A BABA d", -0.5)
        np.testing.assert_allclose(term.vector, np.array([3, 2, 0, 0]) / 13**0.5, 1e-6)


def test_without_a_text_teacher_a_text_is_refused(make_model: Any) -> None:
    with pytest.raises(UserError, match="0 attributes have text teachers; .*use --audio"):
        embed(make_model(spk="speech", lang="labels"), "A")


def test_an_ambiguous_attribute_is_refused(make_model: Any) -> None:
    model = make_model(topic="text", spk="speech", sem="text")
    assert embed(model, "A", "sem").attribute == "sem"
    with pytest.raises(UserError, match="2 attributes have text teachers; give --text_attribute of: topic, sem"):
        embed(model, "A")
    with pytest.raises(UserError, match="'spk' has no text teacher; give --text_attribute of: topic, sem"):
        embed(model, "A", "spk")


def test_invalid_texts_and_teachers_are_refused(make_model: Any) -> None:
    with pytest.raises(UserError, match="--text: an empty text"):
        embed(make_model(sem="text"), " \n")
    with pytest.raises(UserError, match="letters has no embedding for the text 'xyz'"):
        embed(make_model(sem="text"), "xyz")
    with pytest.raises(UserError, match="sem has 8 dimensions, its teacher letters has 4"):
        embed(make_model(sem="text", dim=8), "A")
