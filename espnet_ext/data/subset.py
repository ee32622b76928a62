"""A small part of a data directory, the same on every machine, for a first look."""

import hashlib

from espnet_ext.data.data_dir import DataDir

# Fewer cannot be scored, or give no batch of training.
MIN_UTTERANCES = 50


def choose_subset(data: DataDir, fraction: float) -> set[str]:
    """Choose about a fraction of the utterances, but at least MIN_UTTERANCES where there are as many.

    Sentences are kept whole, in all their languages and recordings; those whose names have the smallest SHA-256 stay.

    Args:
        data: the whole set.
        fraction: above 0, at most 1.
    """
    if fraction == 1:
        return set(data.utterances)
    utt2sent = data.utt2sent or {}
    sentences: dict[str, list[str]] = {}
    for utterance in data.utterances:
        sentences.setdefault(utt2sent.get(utterance, utterance), []).append(utterance)
    wanted = max(fraction * len(data.utterances), MIN_UTTERANCES)
    chosen: set[str] = set()
    for sentence in sorted(sentences, key=lambda name: hashlib.sha256(name.encode()).digest()):
        if len(chosen) >= wanted:
            break
        chosen.update(sentences[sentence])
    return chosen
