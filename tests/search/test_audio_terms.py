"""Reading `--audio ATTRIBUTE=FILE[:WEIGHT]`."""

import pytest

from espnet_ext.search.query import Term, check_weight, parse_audio_term
from espnet_ext.utils.errors import UserError

ATTRIBUTES = ["sem", "spk", "lang"]


@pytest.mark.parametrize(
    ("word", "term"),
    [
        ("spk=voice.wav", Term("spk", "voice.wav", 1.0)),
        ("spk=voice.wav:0.5", Term("spk", "voice.wav", 0.5)),
        ("lang=a dir/x.wav:-1", Term("lang", "a dir/x.wav", -1.0)),
        ("sem=C:/a=b.wav", Term("sem", "C:/a=b.wav", 1.0)),
        ("sem=at 5:30:2e-1", Term("sem", "at 5:30", 0.2)),
    ],
)
def test_a_number_after_the_last_colon_is_the_weight(word: str, term: Term) -> None:
    assert parse_audio_term(word, ATTRIBUTES) == term


@pytest.mark.parametrize("word", ["voice.wav", "=voice.wav", "spk=", "my voice=a.wav", "spk", "accent=a.wav"])
def test_other_forms_are_refused(word: str) -> None:
    with pytest.raises(UserError, match=rf"--audio {word}: expected ATTRIBUTE=FILE.*sem, spk, lang$"):
        parse_audio_term(word, ATTRIBUTES)


@pytest.mark.parametrize("weight", ["0", "nan", "-inf"])
def test_weights_that_ask_for_nothing_are_refused(weight: str) -> None:
    with pytest.raises(UserError, match="a weight is a number other than 0"):
        parse_audio_term(f"spk=a.wav:{weight}", ATTRIBUTES)
    with pytest.raises(UserError, match="^--text_weight: a weight"):
        check_weight(float(weight), "--text_weight")
