"""Read Kaldi-style data directories: UTF-8 files of `utterance value` lines, sorted by utterance."""

import hashlib
import zlib
from functools import cached_property
from pathlib import Path

from espnet_ext.audio.files import is_visible
from espnet_ext.audio.waveform import AudioSource
from espnet_ext.kaldi.locators import resolve_locators, unsupported_reason
from espnet_ext.kaldi.scp import read_scp
from espnet_ext.kaldi.segments import Segment, read_segments
from espnet_ext.utils.errors import UserError

# A smaller subset cannot be scored, or gives no training batch.
MIN_UTTERANCES = 50
UNKNOWN_SENTENCE = -1


def _column(name: str) -> property:
    """Attribute with the content of the file `name`, utterance -> value; None if the file is absent."""
    return property(lambda self: self.read(name))


class DataDir:
    """A data directory. Its files are read when they are first used."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise UserError(f"{self.path}: no such data directory; run stage 1")
        self._files: dict[str, dict[str, str] | None] = {}

    utt2spk = _column("utt2spk")
    spk2utt = _column("spk2utt")
    text = _column("text")
    utt2lang = _column("utt2lang")
    utt2sent = _column("utt2sent")
    utt2source = _column("utt2source")

    def read(self, name: str) -> dict[str, str] | None:
        """Utterance -> value of the file `name`, for instance `utt2gender`; None if the file is absent."""
        if name not in self._files:
            path = self.path / name
            self._files[name] = read_scp(path) if path.exists() else None
        return self._files[name]

    @cached_property
    def wav_scp(self) -> dict[str, str]:
        """Utterance -> locator of its audio; with a `segments` file, recording -> locator.

        Raises:
            UserError: naming the line of audio that is not in a file: a command or an address.
        """
        path = self.path / "wav.scp"
        locators = read_scp(path)
        for number, locator in enumerate(locators.values(), 1):
            if reason := unsupported_reason(locator):
                raise UserError(f"{path}:{number}: {locator!r}: {reason}")
        return resolve_locators(locators, self.path)

    @cached_property
    def segments(self) -> dict[str, Segment] | None:
        """Utterance -> its part of a recording; None if every utterance is a separate file."""
        path = self.path / "segments"
        return read_segments(path) if path.exists() else None

    @property
    def utterances(self) -> list[str]:
        return list(self.wav_scp if self.segments is None else self.segments)

    def sources(self) -> dict[str, AudioSource]:
        """Utterance -> its audio.

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

    def trials(self) -> dict[str, Path]:
        """Name -> path of every trial list; hidden files are ignored."""
        folder = self.path / "trials"
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
        return {path.name: path for path in paths if is_visible(path.name)}


def choose_subset(data: DataDir, fraction: float) -> set[str]:
    """Choose about a fraction of the utterances, but at least MIN_UTTERANCES if there are as many.

    Sentences are kept whole, in all their languages and recordings. Those whose ids have the smallest SHA-256 are
    chosen, so the subset is the same on every machine.

    Args:
        data: the whole set.
        fraction: above 0, at most 1.
    """
    if fraction == 1:
        return set(data.utterances)
    utt2sent = data.utt2sent or {}
    sentences: dict[str, list[str]] = {}
    for utterance in data.utterances:
        sentences.setdefault(utt2sent.get(utterance, utterance), []).append(utterance)
    num_needed = max(fraction * len(data.utterances), MIN_UTTERANCES)
    chosen: set[str] = set()
    for sentence in sorted(sentences, key=lambda name: hashlib.sha256(name.encode()).digest()):
        if len(chosen) >= num_needed:
            break
        chosen.update(sentences[sentence])
    return chosen


def sentence_number(sentence: str | None) -> int:
    """Hash a sentence id to 32 bits; -1 for None. Of a million ids, one in 4,300 shares its number with another id."""
    return UNKNOWN_SENTENCE if sentence is None else zlib.crc32(sentence.encode())
