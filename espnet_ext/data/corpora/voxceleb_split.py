"""Which speakers of VoxCeleb 2 are held out, and which utterances stand for a speaker."""

import hashlib
from collections.abc import Iterable, Sequence

from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError


def _order(name: str) -> bytes:
    """An order that follows from nothing but the name."""
    return hashlib.sha1(name.encode()).digest()


def hold_out_speakers(speakers: Iterable[str], number: int) -> set[str]:
    """Draw speakers in the order of the SHA-1 of their names.

    Raises:
        UserError: if fewer than two would be left for training.
    """
    speakers = set(speakers)
    if number > len(speakers) - 2:
        raise UserError(
            f"--num_valid_speakers {number}: VoxCeleb 2 has {len(speakers)} speakers here, and training "
            f"needs at least 2; hold out fewer"
        )
    return set(sorted(speakers, key=_order)[:number])


def spread_over_videos(utterances: Sequence[Utterance], max_per_speaker: int) -> list[Utterance]:
    """At most so many utterances of each speaker, of as many videos as possible, sorted by utterance.

    Within a speaker, one utterance of each video is taken in turn, videos and utterances in SHA-1 order.
    """
    by_speaker: dict[str, dict[str, list[Utterance]]] = {}
    for utterance in utterances:
        by_speaker.setdefault(utterance.speaker, {}).setdefault(utterance.labels["video"], []).append(utterance)
    chosen: list[Utterance] = []
    for speaker in sorted(by_speaker):
        videos = by_speaker[speaker]
        turns = []
        for video in sorted(videos, key=_order):
            for turn, utterance in enumerate(sorted(videos[video], key=lambda utterance: _order(utterance.id))):
                turns.append((turn, len(turns), utterance))
        chosen += [utterance for _, _, utterance in sorted(turns, key=lambda entry: entry[:2])[:max_per_speaker]]
    return sorted(chosen, key=lambda utterance: utterance.id)
