"""Utterances of a corpus of small files, with the lengths that their headers tell."""

from collections.abc import Sequence
from dataclasses import replace

from espnet_ext.data.corpora.lengths import header_lengths
from espnet_ext.kaldi.data_dir import Utterance
from espnet_ext.kaldi.excluded import LeftOut


def with_lengths(utterances: Sequence[Utterance], left_out: LeftOut, nj: int, label: str) -> list[Utterance]:
    """The utterances that have sound, with their `num_samples`; the others go to `left_out`.

    Args:
        nj: processes that read headers.
        label: what is being read, for the progress line.
    """
    lengths = header_lengths([str(utterance.path) for utterance in utterances], nj, label)
    known = []
    for utterance, length in zip(utterances, lengths, strict=True):
        if length.fault:
            left_out.add(utterance.id, utterance.path, length.fault)
        else:
            known.append(replace(utterance, num_samples=length.num_samples))
    return known
