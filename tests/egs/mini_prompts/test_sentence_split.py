"""The split rule on prompts few enough to compute by hand."""

import hashlib

import pytest

from espnet_ext.kaldi.overlap import normalize_text
from sentence_split import group_keys, split_by_sentence


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Good-bye,  World! ", "goodbye world"),
        ("d'Été № 5", "dété no 5"),  # NFKC expands the numero sign
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("ПРИВЕТ…", "привет"),
        ("?!", ""),
    ],
)
def test_text_is_normalized(text: str, expected: str) -> None:
    assert normalize_text(text) == expected


def test_keys_are_joined_through_any_language() -> None:
    texts = {
        "eng": {"a": "Same words.", "b": "same WORDS", "c": "Other words", "d": "?"},
        "fra": {"b": "Un", "c": "un!", "d": "!", "e": "?"},
    }
    # a-b in English, b-c in French; texts without letters do not join keys.
    assert group_keys(texts) == [["a", "b", "c"], ["d"], ["e"]]


def prompts(**english: str) -> dict[str, dict[str, str]]:
    """Two languages of the same prompts."""
    texts = {key.replace("__", "/"): text for key, text in english.items()}
    return {"eng": texts, "fra": {key: f"le {text}" for key, text in texts.items()}}


def test_only_groups_with_enough_words_can_be_drawn() -> None:
    texts = prompts(
        both="two words",
        short="word",  # two words in French only
        digits__1="number one",
        also_digit="number one",  # joined with a word folder's prompt
        zz_first="good morning",
        aa_second="good morning",
    )
    texts["eng"]["english_only"] = "no translation here"
    split = split_by_sentence(texts, num_test=10, num_dev=10)
    assert set(split.test) == {"both", "aa_second"}
    assert split.held_out == {"both", "aa_second", "zz_first"}
    assert split.held_out_texts == {"two words", "le two words", "good morning", "le good morning"}
    assert split.sentences == {
        "both": "both",
        "short": "short",
        "digits/1": "also_digit",
        "also_digit": "also_digit",
        "aa_second": "aa_second",
        "zz_first": "aa_second",
        "english_only": "english_only",
    }


def test_the_representative_has_two_words_in_every_language() -> None:
    texts = {
        "eng": {"a": "hello", "b": "hello there"},
        "fra": {"a": "bien le bonjour", "b": "bien le bonjour"},
    }
    split = split_by_sentence(texts, 1, 0)
    assert split.test == ["b"]
    assert split.sentences == {"a": "b", "b": "b"}
    assert split.held_out == {"a", "b"}


def test_sentences_go_to_test_then_dev_in_the_order_of_sha1() -> None:
    keys = [f"key{number}" for number in range(20)]
    split = split_by_sentence(prompts(**{key: f"the text {key}" for key in keys}), 5, 3)
    order = sorted(keys, key=lambda key: hashlib.sha1(key.encode()).hexdigest())
    assert split.test == sorted(order[:5])
    assert split.dev == sorted(order[5:8])
