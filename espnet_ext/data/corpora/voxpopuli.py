"""VoxPopuli's transcribed speech: segments of sessions of the European Parliament, in 16 languages."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from espnet_ext.data.corpora.languages import iso639_3
from espnet_ext.data.corpora.lengths import MAX_LEFT_OUT, check_lost, measure
from espnet_ext.data.corpora.voxpopuli_segments import SPLITS, VoxPopuliSegment, read_segments_of
from espnet_ext.data.data_dir import Utterance
from espnet_ext.data.left_out import LeftOut
from espnet_ext.errors import UserError


def parse_voxpopuli_asr(
    root: Path, split: str, language: str, left_out: LeftOut, nj: int = 1, max_left_out: float = MAX_LEFT_OUT
) -> list[Utterance]:
    """Read one split of one language, from the sessions (`raw_audios`) where they are there, else from the
    files cut from them.

    Args:
        root: with `raw_audios/original` and `asr_<language>.tsv.gz`, or `transcribed_data/<language>`.
        split: train, dev or test.
        language: VoxPopuli's code (`en_accented` is one).
        left_out: takes what has no audio or no text.
        nj: processes that read headers.
        max_left_out: largest share of the segments whose audio may be missing, unreadable or cut.

    Raises:
        UserError: no such split or language, a malformed table (file and line), or too much audio missing.
    """
    if split not in SPLITS:
        raise UserError(f"VoxPopuli has no split {split!r}; expected one of {', '.join(SPLITS)}")
    segments = [segment for segment in read_segments_of(root, language).values() if segment.split == split]
    for segment in segments:
        if not segment.text:
            left_out.add(_name(segment, iso639_3(language)), segment.path, "no transcript")
    spoken = [segment for segment in segments if segment.text]
    return list(make_utterances(spoken, iso639_3(language), left_out, nj, max_left_out).values())


def _name(segment: VoxPopuliSegment, language: str) -> str:
    return f"{_speaker(segment, language)}-{segment.id}" if segment.speaker else f"voxpopuli-{segment.id}"


def _speaker(segment: VoxPopuliSegment, language: str) -> str:
    # Nobody says whether a number is the same person in another language: kept apart.
    return f"voxpopuli-{language}-{segment.speaker}" if segment.speaker else _name(segment, language)


def describe_recurring_ids(utterances: Iterable[Utterance], languages_of: dict[str, set[str]]) -> list[str]:
    """A line on the speaker ids that these utterances add to those of several languages; nothing if there are none.

    Args:
        utterances: of one set.
        languages_of: speaker id -> languages of the sets before; those of this set are added.
    """
    added = set()
    for utterance in utterances:
        prefix = f"voxpopuli-{utterance.language}-"
        if utterance.speaker.startswith(prefix):
            number = utterance.speaker.removeprefix(prefix)
            languages = languages_of.setdefault(number, set())
            if languages and utterance.language not in languages:
                added.add(number)
            languages.add(utterance.language)
    if not added:
        return []
    first = min(added)
    return [
        f"VoxPopuli: {len(added)} speaker ids recur across languages and are taken as different speakers, "
        f"for instance {first} in {', '.join(sorted(languages_of[first]))}"
    ]


def make_utterances(
    segments: Sequence[VoxPopuliSegment], language: str, left_out: LeftOut, nj: int, max_left_out: float
) -> dict[str, Utterance]:
    """Utterances of segments, those left out whose audio is not all there.

    Args:
        language: ISO 639-3.
        nj: processes that read headers.
        max_left_out: largest share of the segments whose audio may be missing, unreadable or cut.

    Returns:
        segment id -> utterance.

    Raises:
        UserError: of more than that share.
    """
    candidates = [_utterance(segment, language) for segment in segments]
    utterances = {}
    lost = LeftOut()
    measured = measure(candidates, nj, f"VoxPopuli {language}: headers")
    for segment, candidate, found in zip(segments, candidates, measured, strict=True):
        if isinstance(found, str):
            lost.add(candidate.id, candidate.path, found)
        elif segment.recording and not segment.spans:
            left_out.add(candidate.id, candidate.path, "no speech by the corpus's voice activity detection")
        else:
            utterances[segment.id] = found
    check_lost(lost, len(segments), max_left_out, f"VoxPopuli in {language}", left_out)
    return utterances


def _utterance(segment: VoxPopuliSegment, language: str) -> Utterance:
    labels = {"gender": segment.gender.lower(), "accent": segment.accent}
    return Utterance(
        _name(segment, language),
        _speaker(segment, language),
        segment.path,
        0,
        language,
        text=segment.text or None,
        recording=f"voxpopuli-{segment.recording}" if segment.recording else None,
        spans=segment.spans,
        labels={attribute: label for attribute, label in labels.items() if label},
    )
