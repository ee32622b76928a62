"""Data directories, Kaldi style: UTF-8 files of `utterance value` lines, sorted by utterance."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from espnet_ext.audio import RATE
from espnet_ext.audio.files import is_visible
from espnet_ext.audio.waveform import AudioSource, Spans
from espnet_ext.kaldi.locators import resolve_locators, unsupported_reason
from espnet_ext.kaldi.scp import INVISIBLE, read_scp, write_scp
from espnet_ext.kaldi.segments import Segment, read_segments, write_segments
from espnet_ext.utils.errors import UserError

# Every utterance has a line in these; in the other files an utterance may have nothing to say.
COMPLETE_FILES = ("utt2spk", "utt2lang", "utt2source", "utt2num_samples")


@dataclass(frozen=True)
class Utterance:
    """One line of each file of a data directory.

    Attributes:
        id: starts with `<speaker>-`, so that sorting by utterance sorts by speaker; where nobody knows
            the speakers, each utterance is its own speaker.
        num_samples: at 16 kHz, from the audio file's header.
        language: ISO 639-3.
        source: "real" or "synthetic".
        text: as written; None when the words are not known.
        sentence: equal = same meaning across languages and recordings; None when not known.
        recording: id of the long recording in `path` of which this is a part; None = all of `path`.
        spans: (start, end) in seconds of the parts of the recording that are concatenated.
        translations: language -> what is said, in that language (`text.<language>`).
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

    If some are parts of recordings, wav.scp lists recordings, and any other utterance is the whole of one.

    Raises:
        UserError: if an utterance id comes twice, or a recording is two files.
    """
    by_id: dict[str, Utterance] = {}
    for utterance in utterances:
        if utterance.id in by_id:
            other = by_id[utterance.id].path
            raise UserError(f"{folder}: utterance {utterance.id!r} is both {other} and {utterance.path}")
        by_id[utterance.id] = utterance
    _write_audio(folder, by_id)
    columns: dict[str, dict[str, object]] = {
        "utt2spk": {u.id: u.speaker for u in by_id.values()},
        "utt2lang": {u.id: u.language for u in by_id.values()},
        "utt2source": {u.id: u.source for u in by_id.values()},
        "utt2num_samples": {u.id: u.num_samples for u in by_id.values()},
        "text": {u.id: text for u in by_id.values() if (text := (u.text or "").strip(INVISIBLE))},
        "utt2sent": {u.id: u.sentence for u in by_id.values() if u.sentence},
    }
    for u in by_id.values():
        for language, text in u.translations.items():
            columns.setdefault(f"text.{language}", {})[u.id] = text.strip(INVISIBLE)
        for attribute, label in u.labels.items():
            columns.setdefault(f"utt2{attribute}", {})[u.id] = label
    for name, column in columns.items():
        if column:
            write_scp(folder / name, column)
    write_scp(folder / "spk2utt", invert(columns["utt2spk"]))


def _write_audio(folder: Path, by_id: Mapping[str, Utterance]) -> None:
    """Write wav.scp, of utterances or of recordings, and then `segments`."""
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
    """spk2utt of utt2spk: speaker -> its utterances, sorted and joined by spaces."""
    utterances: dict[str, list[str]] = {}
    for utterance in sorted(utt2spk):
        utterances.setdefault(utt2spk[utterance], []).append(utterance)
    return {speaker: " ".join(names) for speaker, names in utterances.items()}


class DataDir:
    """A data directory, its files read when first asked for; an absent file is None."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise UserError(f"{self.path}: no such data directory; run stage 1")
        self._files: dict[str, dict[str, str] | None] = {}

    def read(self, name: str) -> dict[str, str] | None:
        """Utterance -> value of the file `name`, for instance `utt2gender`; None when absent."""
        if name not in self._files:
            path = self.path / name
            self._files[name] = read_scp(path) if path.exists() else None
        return self._files[name]

    @cached_property
    def wav_scp(self) -> dict[str, str]:
        """Utterance -> its audio; where there is a `segments` file, recording -> its audio.

        Raises:
            UserError: naming the line of audio that is not in a file: a command or an address.
        """
        path = self.path / "wav.scp"
        places = read_scp(path)
        for number, place in enumerate(places.values(), 1):
            if fault := unsupported_reason(place):
                raise UserError(f"{path}:{number}: {place!r}: {fault}")
        return resolve_locators(places, self.path)

    @cached_property
    def segments(self) -> dict[str, Segment] | None:
        """Utterance -> its part of a recording; None when every utterance is a file of its own."""
        path = self.path / "segments"
        return read_segments(path) if path.exists() else None

    @property
    def utterances(self) -> list[str]:
        return list(self.wav_scp if self.segments is None else self.segments)

    def sources(self) -> dict[str, AudioSource]:
        """Utterance -> where its audio is.

        Raises:
            UserError: naming the utterance whose recording is not in wav.scp.
        """
        if self.segments is None:
            return {utterance: AudioSource(path) for utterance, path in self.wav_scp.items()}
        sources = {}
        for utterance, segment in self.segments.items():
            if segment.recording not in self.wav_scp:
                raise UserError(
                    f"{self.path / 'segments'}: recording {segment.recording!r} of utterance {utterance!r} "
                    f"is not in wav.scp; run stage 1 again"
                )
            sources[utterance] = AudioSource(self.wav_scp[segment.recording], segment.spans)
        return sources

    @cached_property
    def utt2num_samples(self) -> dict[str, int]:
        """Utterance -> samples at 16 kHz."""
        path = self.path / "utt2num_samples"
        counts = read_scp(path)
        for number, (utterance, value) in enumerate(counts.items(), 1):
            if not (value.isascii() and value.isdigit() and int(value) > 0):
                raise UserError(f"{path}:{number}: {utterance!r} has {value!r} samples, expected a positive number")
        return {utterance: int(value) for utterance, value in counts.items()}

    @property
    def utt2spk(self) -> dict[str, str] | None:
        return self.read("utt2spk")

    @property
    def spk2utt(self) -> dict[str, str] | None:
        return self.read("spk2utt")

    @property
    def text(self) -> dict[str, str] | None:
        return self.read("text")

    @property
    def utt2lang(self) -> dict[str, str] | None:
        return self.read("utt2lang")

    @property
    def utt2sent(self) -> dict[str, str] | None:
        return self.read("utt2sent")

    @property
    def utt2source(self) -> dict[str, str] | None:
        return self.read("utt2source")

    def trials(self) -> dict[str, Path]:
        """Name -> path of every trial list; hidden files are not trial lists."""
        folder = self.path / "trials"
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
        return {path.name: path for path in paths if is_visible(path.name)}
