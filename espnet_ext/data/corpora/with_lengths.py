"""Utterances of a corpus of small files, with the lengths that their headers tell."""

from collections.abc import Sequence
from dataclasses import replace

from espnet_ext.data.corpora.lengths import header_lengths
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance


def with_lengths(utterances: Sequence[Utterance], excluded: Exclusions, nj: int, label: str) -> list[Utterance]:
    """The utterances that have sound, with their `num_samples`; the others go to `excluded`.

    Args:
        nj: processes that read headers.
        label: what is being read, for the progress line.
    """
    lengths = header_lengths([str(utterance.path) for utterance in utterances], nj, label)
    known = []
    for utterance, length in zip(utterances, lengths, strict=True):
        if length.fault:
            excluded.add(utterance.id, utterance.path, length.fault)
        else:
            known.append(replace(utterance, num_samples=length.num_samples))
    return known
