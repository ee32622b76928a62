"""VoxPopuli's transcribed speech: segments of sessions of the European Parliament, in 16 languages."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from espnet_ext.audio import RATE
from espnet_ext.audio.waveform import lie_within
from espnet_ext.data.corpora.incomplete import check_lost
from espnet_ext.data.corpora.languages import iso639_3
from espnet_ext.data.corpora.lengths import OUTSIDE, AudioLength, header_lengths
from espnet_ext.data.corpora.voxpopuli_segments import SPLITS, VoxPopuliSegment, read_segments_of
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError

MAX_LEFT_OUT = 0.01


def parse_voxpopuli_asr(
    root: Path, split: str, language: str, excluded: Exclusions, nj: int = 1, max_left_out: float = MAX_LEFT_OUT
) -> list[Utterance]:
    """Read one split of one language, from the sessions (`raw_audios`) where they are there, else from the
    files cut from them.

    Args:
        root: with `raw_audios/original` and `asr_<language>.tsv.gz`, or `transcribed_data/<language>`.
        split: train, dev or test.
        language: VoxPopuli's code (`en_accented` is one).
        excluded: takes what has no audio or no text.
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
            excluded.add(_name(segment, iso639_3(language)), segment.path, "no transcript")
    spoken = [segment for segment in segments if segment.text]
    return list(make_utterances(spoken, iso639_3(language), excluded, nj, max_left_out).values())


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
    segments: Sequence[VoxPopuliSegment], language: str, excluded: Exclusions, nj: int, max_left_out: float
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
    paths = sorted({str(segment.path) for segment in segments})
    lengths = dict(zip(paths, header_lengths(paths, nj, f"VoxPopuli {language}: headers"), strict=True))
    utterances = {}
    lost = Exclusions()
    for segment in segments:
        length = lengths[str(segment.path)]
        if fault := length.fault or _missing(segment, length):
            lost.add(_name(segment, language), segment.path, fault)
        elif segment.recording and not segment.spans:
            reason = "no speech by the corpus's voice activity detection"
            excluded.add(_name(segment, language), segment.path, reason)
        else:
            utterances[segment.id] = _utterance(segment, language, length)
    check_lost(lost, len(segments), max_left_out, f"VoxPopuli in {language}")
    excluded.entries += lost.entries
    return utterances


def _utterance(segment: VoxPopuliSegment, language: str, length: AudioLength) -> Utterance:
    num_samples = round(RATE * sum(end - start for start, end in segment.spans)) or length.num_samples
    labels = {"gender": segment.gender.lower(), "accent": segment.accent}
    return Utterance(
        _name(segment, language),
        _speaker(segment, language),
        segment.path,
        num_samples,
        language,
        text=segment.text or None,
        recording=f"voxpopuli-{segment.recording}" if segment.recording else None,
        spans=segment.spans,
        labels={attribute: label for attribute, label in labels.items() if label},
    )


def _missing(segment: VoxPopuliSegment, length: AudioLength) -> str | None:
    """The reason why a readable file lacks the audio of a segment."""
    return None if lie_within(segment.spans, length.num_samples / RATE) else OUTSIDE
