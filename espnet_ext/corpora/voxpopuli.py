"""VoxPopuli's transcribed speech: segments of sessions of the European Parliament, in 16 languages."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from espnet_ext.corpora.labels import iso639_3
from espnet_ext.corpora.lengths import MAX_LEFT_OUT, check_lost, measure
from espnet_ext.corpora.voxpopuli_segments import SPLITS, read_segments_of
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError


def parse_voxpopuli_asr(
    root: Path, split: str, language: str, excluded: Exclusions, nj: int = 1, max_left_out: float = MAX_LEFT_OUT
) -> list[Utterance]:
    """Read one split of one language, from the sessions (`raw_audios`) if they are on disk, else from the
    files cut from them.

    Args:
        root: with `raw_audios/original` and `asr_<language>.tsv.gz`, or `transcribed_data/<language>`.
        split: train, dev or test.
        language: VoxPopuli's code (`en_accented` is one).
        excluded: takes segments without audio or text.
        nj: number of processes that read headers.
        max_left_out: largest share of the segments whose audio may be missing, unreadable or cut.

    Raises:
        UserError: no such split or language, a malformed table (file and line), or too much audio missing.
    """
    if split not in SPLITS:
        raise UserError(f"VoxPopuli has no split {split!r}; expected one of {', '.join(SPLITS)}")
    spoken = {}
    for name, (own_split, utterance) in read_segments_of(root, language).items():
        if own_split == split and utterance.text:
            spoken[name] = utterance
        elif own_split == split:
            excluded.add(utterance.id, utterance.path, "no transcript")
    return list(measure_segments(spoken, iso639_3(language), excluded, nj, max_left_out).values())


def describe_recurring_ids(utterances: Iterable[Utterance], languages_of: dict[str, set[str]]) -> list[str]:
    """A line on speaker ids that now occur in several languages; none if there are no new ones.

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


def measure_segments(
    segments: Mapping[str, Utterance], language: str, excluded: Exclusions, nj: int, max_left_out: float
) -> dict[str, Utterance]:
    """Utterances with their lengths; those without all of their audio are excluded.

    Args:
        segments: id -> utterance of `make_utterance`.
        language: ISO 639-3, for messages.
        nj: number of processes.
        max_left_out: largest share of the segments whose audio may be missing, unreadable or cut.

    Raises:
        UserError: for a larger share.
    """
    utterances = {}
    lost = Exclusions()
    measured = measure(list(segments.values()), nj, f"VoxPopuli {language}: headers")
    for (name, utterance), found in zip(segments.items(), measured, strict=True):
        if isinstance(found, str):
            lost.add(utterance.id, utterance.path, found)
        elif utterance.recording and not utterance.spans:
            excluded.add(utterance.id, utterance.path, "no speech by the corpus's voice activity detection")
        else:
            utterances[name] = found
    check_lost(lost, len(segments), max_left_out, f"VoxPopuli in {language}", excluded)
    return utterances
