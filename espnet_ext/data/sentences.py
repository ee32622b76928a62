"""Sentences as numbers: what a batch can carry of utt2sent."""

import zlib

UNKNOWN_SENTENCE = -1


def sentence_number(sentence: str | None) -> int:
    """Equal for equal sentence ids, -1 for none. Among a million others, one shares it by chance once in 4,300."""
    return UNKNOWN_SENTENCE if sentence is None else zlib.crc32(sentence.encode())
