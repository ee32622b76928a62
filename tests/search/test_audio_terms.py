"""Reading `--audio ATTRIBUTE=FILE[:WEIGHT]`."""

import numpy as np
import pytest

from espnet_ext.errors import UserError
from espnet_ext.search.audio_terms import AudioTerm, check_weight, embed_audio_terms, parse_audio_term


@pytest.mark.parametrize(
    ("word", "term"),
    [
        ("spk=voice.wav", AudioTerm("spk", "voice.wav", 1.0)),
        ("spk=voice.wav:0.5", AudioTerm("spk", "voice.wav", 0.5)),
        ("lang=a dir/x.wav:-1", AudioTerm("lang", "a dir/x.wav", -1.0)),
        ("sem=C:/a=b.wav", AudioTerm("sem", "C:/a=b.wav", 1.0)),
        ("sem=at 5:30:2e-1", AudioTerm("sem", "at 5:30", 0.2)),
    ],
)
def test_a_number_after_the_last_colon_is_the_weight(word: str, term: AudioTerm) -> None:
    assert parse_audio_term(word) == term


@pytest.mark.parametrize("word", ["voice.wav", "=voice.wav", "spk=", "my voice=a.wav", "spk"])
def test_other_forms_are_refused(word: str) -> None:
    with pytest.raises(UserError, match=f"--audio {word}: expected ATTRIBUTE=FILE"):
        parse_audio_term(word)


@pytest.mark.parametrize("weight", ["0", "nan", "-inf"])
def test_weights_that_ask_for_nothing_are_refused(weight: str) -> None:
    with pytest.raises(UserError, match="a weight is a number other than 0"):
        parse_audio_term(f"spk=a.wav:{weight}")
    with pytest.raises(UserError, match="^--text_weight: a weight"):
        check_weight(float(weight), "--text_weight")


def test_a_file_of_several_terms_is_embedded_once() -> None:
    terms = [AudioTerm("spk", "b.wav", 0.5), AudioTerm("sem", "a.wav", 1.0), AudioTerm("sem", "b.wav", -1.0)]
    calls = []

    def embed(sources: list) -> dict[str, np.ndarray]:
        calls.append([source.path for source in sources])
        return {"sem": np.array([[1.0], [2.0]]), "spk": np.array([[3.0], [4.0]])}

    found = embed_audio_terms(terms, embed)
    assert calls == [["a.wav", "b.wav"]]
    assert [(t.attribute, t.name, t.weight, t.vector.item()) for t in found] == [
        ("spk", "b.wav", 0.5, 4.0),
        ("sem", "a.wav", 1.0, 1.0),
        ("sem", "b.wav", -1.0, 2.0),
    ]
