"""Audio that parsers find on disk: lengths from headers, in parallel, and errors about missing files."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from espnet_ext.audio import RATE
from espnet_ext.audio.waveform import lie_within, samples_at_16k
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.pool import process_pool
from espnet_ext.utils.progress import audio_progress

CHUNK_SIZE = 500  # files per task of a worker
MAX_LEFT_OUT = 0.01  # a corpus that loses a larger share of its recordings is not the published one
# Reasons for `Exclusions`.
NO_AUDIO = "no audio file"
UNREADABLE = "audio cannot be read"
OUTSIDE = "times outside its recording"
# Reasons for recordings that were published and are not on disk.
MISSING = frozenset({NO_AUDIO, OUTSIDE})
ADVICE = "fetch and unpack the rest, or continue without it: --allow_incomplete true"
MAX_LISTED = 10  # parts of a corpus in a message


class AudioLength(NamedTuple):
    """Samples at 16 kHz from the header, or the reason why there are none (for `Exclusions`)."""

    num_samples: int
    fault: str | None = None


def header_length(path: str | Path) -> AudioLength:
    """Length of one file; only the header is read if the format stores the length there."""
    path = Path(path)
    if not path.is_file():
        return AudioLength(0, NO_AUDIO)
    try:
        num_samples = samples_at_16k(path)
    except UserError:
        return AudioLength(0, UNREADABLE)
    return AudioLength(num_samples) if num_samples else AudioLength(0, "no sound in the file")


def header_lengths(paths: Sequence[str], nj: int, label: str) -> list[AudioLength]:
    """`header_length` of each file, in `nj` processes and with a progress line.

    Args:
        label: description of the files, for the progress line.
    """
    chunks = [paths[start : start + CHUNK_SIZE] for start in range(0, len(paths), CHUNK_SIZE)]
    lengths: list[AudioLength] = []
    with process_pool(nj, __name__) as executor, audio_progress(label, len(paths), "files") as advance:
        for done in executor.map(_lengths_of, chunks):
            lengths += done
            advance(len(done))
    return lengths


def _lengths_of(paths: Sequence[str]) -> list[AudioLength]:
    return [header_length(path) for path in paths]


def measure(utterances: Sequence[Utterance], nj: int, label: str) -> list[Utterance | str]:
    """Set the `num_samples` of utterances, from their spans or else from the headers of their files.

    Returns:
        in the order of `utterances`, each one with its length, or the reason why its audio is missing.
    """
    paths = sorted({str(utterance.path) for utterance in utterances})
    lengths = dict(zip(paths, header_lengths(paths, nj, label), strict=True))
    return [_with_length(utterance, lengths[str(utterance.path)]) for utterance in utterances]


def _with_length(utterance: Utterance, length: AudioLength) -> Utterance | str:
    if length.fault:
        return length.fault
    if not lie_within(utterance.spans, length.num_samples / RATE):
        return OUTSIDE
    from_spans = round(RATE * sum(end - start for start, end in utterance.spans))
    return replace(utterance, num_samples=utterance.num_samples or from_spans or length.num_samples)


def with_lengths(
    utterances: Sequence[Utterance], excluded: Exclusions, nj: int, label: str, where: str | Path, max_left_out: float
) -> list[Utterance]:
    """Return the utterances that have audio, with their lengths; the others are added to `excluded`.

    Args:
        where: the part of the corpus, for the error.
        max_left_out: largest share of the utterances that may have no audio.

    Raises:
        IncompleteCorpusError: for a larger share.
    """
    lost = Exclusions()
    found = []
    for utterance, measured in zip(utterances, measure(utterances, nj, label), strict=True):
        if isinstance(measured, str):
            lost.add(utterance.id, utterance.path, measured)
        else:
            found.append(measured)
    check_lost(lost, len(utterances), max_left_out, where, excluded)
    return found


class IncompleteCorpusError(UserError):
    """Part of a corpus is missing; the message contains the option that continues without it."""


def incomplete(missing: Sequence[str]) -> IncompleteCorpusError:
    """Return the error for a corpus without these parts."""
    return IncompleteCorpusError(f"incomplete corpus: {listed(missing, '; ')}; {ADVICE}")


def check_lost(lost: Exclusions, total: int, max_left_out: float, where: str | Path, excluded: Exclusions) -> None:
    """Add the unreadable recordings of a part of a corpus to `excluded`, unless there are too many.

    Args:
        total: number of listed recordings.
        max_left_out: largest share (0 to 1); 1 with `--allow_incomplete`.

    Raises:
        IncompleteCorpusError: naming `where`, the reasons and one of the files.
    """
    try:
        lost.check_share(total, max_left_out, where, ADVICE)
    except UserError as error:
        raise IncompleteCorpusError(str(error)) from None
    excluded.entries += lost.entries


def listed(names: Sequence[str], separator: str = ", ") -> str:
    """Join the first MAX_LISTED names, and the number of the others."""
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return separator.join(names[:MAX_LISTED]) + more
