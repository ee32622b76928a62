"""Split parallel prompts by sentence, so that no sentence of an evaluation set is heard in training."""

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

# Folders of one-word prompts; their sentences are said again inside others.
WORD_FOLDERS = ("digits/", "letters/", "phonetic/")
MIN_WORDS = 2
# What a recipe may name as shared between its training set and an evaluation set; audio files never may be shared.
SHAREABLE = ("speaker", "sentence", "text")


def normalise(text: str) -> str:
    """What two texts must share to count as the same: NFKC, case folded, letters and digits only."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(c for c in folded if c.isalnum() or c.isspace()).split())


@dataclass(frozen=True)
class SentenceSplit:
    """Which prompt goes where.

    Attributes:
        sentences: key -> sentence id, equal for keys that say the same in some language.
        test, dev: the keys used for evaluation, one a sentence.
        held_out: every key that says a sentence of test or dev, the keys of test and dev included.
        held_out_texts: normalised texts of all keys of `held_out`, in every language.
    """

    sentences: dict[str, str]
    test: list[str]
    dev: list[str]
    held_out: frozenset[str]
    held_out_texts: frozenset[str]


def group_keys(texts: Mapping[str, Mapping[str, str]]) -> list[list[str]]:
    """Join keys that share a normalised text in any one language.

    Args:
        texts: language -> key -> text.

    Returns:
        groups of keys, each sorted, in the order of their first key.
    """
    parent = {key: key for prompts in texts.values() for key in prompts}

    def find(key: str) -> str:
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for prompts in texts.values():
        first_with: dict[str, str] = {}
        for key in sorted(prompts):
            same = normalise(prompts[key])
            if same:
                parent[find(key)] = find(first_with.setdefault(same, key))
    groups: dict[str, list[str]] = {}
    for key in sorted(parent):
        groups.setdefault(find(key), []).append(key)
    return sorted(groups.values())


def representative(group: list[str], texts: Mapping[str, Mapping[str, str]]) -> str | None:
    """The first key of the group that can stand for it in an evaluation set, if any can.

    It must have a text of two or more words in every language, and nothing of the group may be
    a prompt of a single word's folder.
    """
    if any(key.startswith(WORD_FOLDERS) for key in group):
        return None
    for key in sorted(group):
        if all(len(normalise(prompts.get(key, "")).split()) >= MIN_WORDS for prompts in texts.values()):
            return key
    return None


def split_by_sentence(texts: Mapping[str, Mapping[str, str]], num_test: int, num_dev: int) -> SentenceSplit:
    """Draw test and dev sentences in the order of the SHA-1 of their keys.

    Args:
        texts: language -> key -> text, of the prompts that are kept.
        num_test, num_dev: sentences to draw.
    """
    sentences: dict[str, str] = {}
    group_of: dict[str, list[str]] = {}  # representative -> its group
    for group in group_keys(texts):
        key = representative(group, texts)
        if key is not None:
            group_of[key] = group
        sentences |= dict.fromkeys(group, key or group[0])
    drawn = sorted(group_of, key=lambda key: hashlib.sha1(key.encode()).hexdigest())[: num_test + num_dev]
    held_out = frozenset(key for representative_ in drawn for key in group_of[representative_])
    return SentenceSplit(
        sentences=sentences,
        test=sorted(drawn[:num_test]),
        dev=sorted(drawn[num_test:]),
        held_out=held_out,
        held_out_texts=frozenset(
            normalise(prompts[key]) for prompts in texts.values() for key in prompts if key in held_out
        ),
    )
