"""Labels that volunteers wrote in their own words, reduced to those that a classifier can learn."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from espnet_ext.kaldi.utterances import Utterance


def common_labels(utterances: Iterable[Utterance], attribute: str, min_speakers: int) -> set[str]:
    """The labels of an attribute that `min_speakers` or more speakers have."""
    speakers: dict[str, set[str]] = {}
    for utterance in utterances:
        if attribute in utterance.labels:
            speakers.setdefault(utterance.labels[attribute], set()).add(utterance.speaker)
    return {label for label, owners in speakers.items() if len(owners) >= min_speakers}


def with_labels_among(utterances: Sequence[Utterance], attribute: str, kept: Collection[str]) -> list[Utterance]:
    """The utterances, those with another label of the attribute as if it were not known."""
    reduced = []
    # Equal labels stay one dictionary: there may be millions of utterances.
    shared: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    for utterance in utterances:
        if attribute not in utterance.labels or utterance.labels[attribute] in kept:
            reduced.append(utterance)
            continue
        labels = {name: label for name, label in utterance.labels.items() if name != attribute}
        reduced.append(replace(utterance, labels=shared.setdefault(tuple(labels.items()), labels)))
    return reduced
