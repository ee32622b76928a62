"""Split parallel prompts by sentence: no sentence of an evaluation set is in the training set."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.cluster.hierarchy import DisjointSet

from espnet_ext.kaldi.overlap import normalize_text

# Folders of one-word prompts, whose sentences are repeated within other sentences.
WORD_FOLDERS = ("digits/", "letters/", "phonetic/")
MIN_WORDS = 2


@dataclass(frozen=True)
class SentenceSplit:
    """Sentences of the prompts, and the prompts of the evaluation sets.

    Attributes:
        sentences: key -> sentence id, equal for keys with the same text in some language.
        test, dev: the keys used for evaluation, one for each sentence.
        held_out: every key with a sentence of test or dev, the keys of test and dev included.
        held_out_texts: normalized texts of all keys of `held_out`, in every language.
    """

    sentences: dict[str, str]
    test: list[str]
    dev: list[str]
    held_out: frozenset[str]
    held_out_texts: frozenset[str]


def group_keys(texts: Mapping[str, Mapping[str, str]]) -> list[list[str]]:
    """Join keys that share a normalized text in any one language.

    Args:
        texts: language -> key -> text.

    Returns:
        groups of keys, each sorted, in the order of their first key.
    """
    groups = DisjointSet(key for prompts in texts.values() for key in prompts)
    for prompts in texts.values():
        first_with: dict[str, str] = {}
        for key, text in prompts.items():
            if same := normalize_text(text):
                groups.merge(key, first_with.setdefault(same, key))
    return sorted(map(sorted, groups.subsets()))


def _representative(group: list[str], texts: Mapping[str, Mapping[str, str]]) -> str | None:
    """The first key of the group that can represent it in an evaluation set, or None.

    It must have a text of two or more words in every language, and no key of the group may be in a folder of one-word
    prompts.
    """
    if any(key.startswith(WORD_FOLDERS) for key in group):
        return None
    for key in group:
        if all(len(normalize_text(prompts.get(key, "")).split()) >= MIN_WORDS for prompts in texts.values()):
            return key
    return None


def split_by_sentence(texts: Mapping[str, Mapping[str, str]], num_test: int, num_dev: int) -> SentenceSplit:
    """Draw test and dev sentences in the order of the SHA-1 of their keys.

    Args:
        texts: language -> key -> text, of the prompts that are used.
        num_test, num_dev: number of sentences to draw.
    """
    sentences: dict[str, str] = {}
    group_of: dict[str, list[str]] = {}  # representative -> its group
    for group in group_keys(texts):
        key = _representative(group, texts)
        if key is not None:
            group_of[key] = group
        sentences |= dict.fromkeys(group, key or group[0])
    drawn = sorted(group_of, key=lambda key: hashlib.sha1(key.encode()).hexdigest())[: num_test + num_dev]
    held_out = frozenset(key for drawn_key in drawn for key in group_of[drawn_key])
    held_out_texts = (normalize_text(prompts[key]) for prompts in texts.values() for key in prompts if key in held_out)
    return SentenceSplit(
        sentences=sentences,
        test=sorted(drawn[:num_test]),
        dev=sorted(drawn[num_test:]),
        held_out=held_out,
        held_out_texts=frozenset(held_out_texts),
    )
