"""Reading `--audio ATTRIBUTE=FILE[:WEIGHT]`."""

import pytest

from espnet_ext.search.query import QueryTerm, check_weight, parse_audio_term
from espnet_ext.utils.errors import UserError

ATTRIBUTES = ["sem", "spk", "lang"]


@pytest.mark.parametrize(
    ("word", "term"),
    [
        ("spk=voice.wav", QueryTerm("spk", "voice.wav", 1.0)),
        ("spk=voice.wav:0.5", QueryTerm("spk", "voice.wav", 0.5)),
        ("lang=a dir/x.wav:-1", QueryTerm("lang", "a dir/x.wav", -1.0)),
        ("sem=C:/a=b.wav", QueryTerm("sem", "C:/a=b.wav", 1.0)),
        ("sem=at 5:30:2e-1", QueryTerm("sem", "at 5:30", 0.2)),
    ],
)
def test_a_number_after_the_last_colon_is_the_weight(word: str, term: QueryTerm) -> None:
    assert parse_audio_term(word, ATTRIBUTES) == term


@pytest.mark.parametrize("word", ["voice.wav", "=voice.wav", "spk=", "my voice=a.wav", "spk", "accent=a.wav"])
def test_other_forms_are_refused(word: str) -> None:
    with pytest.raises(UserError, match=rf"--audio {word}: expected ATTRIBUTE=FILE.*sem, spk, lang$"):
        parse_audio_term(word, ATTRIBUTES)


@pytest.mark.parametrize("weight", ["0", "nan", "-inf"])
def test_weights_of_zero_or_without_a_value_are_refused(weight: str) -> None:
    with pytest.raises(UserError, match="a weight must be a finite number other than 0"):
        parse_audio_term(f"spk=a.wav:{weight}", ATTRIBUTES)
    with pytest.raises(UserError, match="^--text_weight: a weight"):
        check_weight(float(weight), "--text_weight")
