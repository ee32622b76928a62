"""Utterances of a corpus, and the data directory that lists them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from espnet_ext.audio import RATE
from espnet_ext.audio.waveform import Spans
from espnet_ext.kaldi.scp import INVISIBLE, write_scp
from espnet_ext.kaldi.segments import Segment, write_segments
from espnet_ext.utils.errors import UserError


@dataclass(frozen=True)
class Utterance:
    """One line of each file of a data directory.

    Attributes:
        id: starts with `<speaker>-`, so that sorting by utterance sorts by speaker; without known speakers, each
            utterance is its own speaker.
        num_samples: at 16 kHz, from the audio file's header.
        language: ISO 639-3.
        source: "real" or "synthetic".
        text: as written; None if the words are not known.
        sentence: equal = same meaning across languages and recordings; None if not known.
        recording: id of the long recording in `path` of which this is a part; None = all of `path`.
        spans: (start, end) in seconds of the parts of the recording that are concatenated.
        translations: language -> translation into that language (`text.<language>`).
        labels: attribute -> label (`utt2<attribute>`).
    """

    id: str
    speaker: str
    path: Path
    num_samples: int
    language: str
    source: str = "real"
    text: str | None = None
    sentence: str | None = None
    recording: str | None = None
    spans: Spans = ()
    translations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


def write_utterances(folder: Path, utterances: Iterable[Utterance]) -> None:
    """Write the files of a data directory that follow from its utterances.

    If some are parts of recordings, wav.scp lists recordings, and every other utterance is a whole recording.

    Raises:
        UserError: if an utterance id is used twice, or a recording has two files.
    """
    by_id: dict[str, Utterance] = {}
    for u in utterances:
        if u.id in by_id:
            raise UserError(f"{folder}: utterance {u.id!r} is both {by_id[u.id].path} and {u.path}")
        by_id[u.id] = u
    _write_audio(folder, by_id)
    columns: dict[str, dict[str, object]] = {}
    for u in by_id.values():
        values = {
            "utt2spk": u.speaker,
            "utt2lang": u.language,
            "utt2source": u.source,
            "utt2num_samples": u.num_samples,
            "text": (u.text or "").strip(INVISIBLE) or None,
            "utt2sent": u.sentence or None,
            **{f"text.{language}": text.strip(INVISIBLE) for language, text in u.translations.items()},
            **{f"utt2{attribute}": label for attribute, label in u.labels.items()},
        }
        for name, value in values.items():
            if value is not None:
                columns.setdefault(name, {})[u.id] = value
    for name, column in columns.items():
        write_scp(folder / name, column)
    write_scp(folder / "spk2utt", invert({u.id: u.speaker for u in by_id.values()}))


def _write_audio(folder: Path, by_id: Mapping[str, Utterance]) -> None:
    """Write wav.scp of utterances, or wav.scp of recordings and `segments`."""
    if all(u.recording is None for u in by_id.values()):
        write_scp(folder / "wav.scp", {u.id: u.path.absolute() for u in by_id.values()})
        return
    recordings: dict[str, Path] = {}
    segments: dict[str, Segment] = {}
    for u in by_id.values():
        recording, spans = u.recording, u.spans
        if recording is None:
            recording, spans = u.id, ((0.0, u.num_samples / RATE),)
        path = recordings.setdefault(recording, u.path.absolute())
        if path != u.path.absolute():
            raise UserError(f"{folder}: recording {recording!r} is both {path} and {u.path.absolute()}")
        segments[u.id] = Segment(recording, spans)
    write_segments(folder / "segments", segments)
    write_scp(folder / "wav.scp", recordings)


def invert(utt2spk: Mapping[str, str]) -> dict[str, str]:
    """Convert utt2spk to spk2utt: speaker -> its utterances, sorted and joined by spaces."""
    utterances: dict[str, list[str]] = {}
    for utterance in sorted(utt2spk):
        utterances.setdefault(utt2spk[utterance], []).append(utterance)
    return {speaker: " ".join(names) for speaker, names in utterances.items()}
