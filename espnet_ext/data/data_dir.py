"""Data directories, Kaldi style: UTF-8 files of `utterance value` lines, sorted by utterance."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from espnet_ext.data.atomic import write_text_atomic
from espnet_ext.errors import UserError

# Every utterance has a line in these; in the other files an utterance may have nothing to say.
COMPLETE_FILES = ("utt2spk", "utt2lang", "utt2source", "utt2num_samples")
PARTIAL_FILES = ("text", "utt2sent")


def read_scp(path: str | Path) -> dict[str, str]:
    """Read a two-column file: key -> the rest of its line (which may hold spaces).

    Raises:
        UserError: naming file and line, if a line is not UTF-8, has no value, repeats a key or
            is not in C-locale order of keys; naming the file, if it is absent.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; run the stage that makes it")
    mapping: dict[str, str] = {}
    previous = ""
    with open(path, "rb") as file:  # decoded by line, so that an error can name its line
        for number, raw in enumerate(file, 1):
            key, value = _split_line(raw, f"{path}:{number}")
            if key in mapping:
                raise UserError(f"{path}:{number}: {key!r} is listed twice; remove one of the lines")
            if key < previous:  # code point order equals byte order in UTF-8
                raise UserError(f"{path}:{number}: {key!r} is out of order; sort with LC_ALL=C")
            mapping[key] = value
            previous = key
    return mapping


def _split_line(raw: bytes, where: str) -> tuple[str, str]:
    try:
        line = raw.decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: not UTF-8 ({error.reason}); convert the file") from error
    key, _, value = line.partition(" ")
    if not key or not value.strip() or value.endswith("\r"):
        raise UserError(f"{where}: expected `key value`, found {line!r}")
    return key, value


def write_scp(path: str | Path, mapping: Mapping[str, object]) -> None:
    """Write a two-column file sorted by key, whole or not at all.

    Raises:
        UserError: if a key holds white space or a value is empty or spans lines.
    """
    lines = []
    for key in sorted(mapping):
        value = str(mapping[key])
        if len(key.split()) != 1 or not value.strip() or "\n" in value or "\r" in value:
            raise UserError(f"{path}: cannot write {key!r} with the value {value!r} as one line")
        lines.append(f"{key} {value}\n")
    write_text_atomic(path, "".join(lines))


@dataclass(frozen=True)
class Utterance:
    """One line of each file of a data directory.

    Attributes:
        id: starts with `<speaker>-`, so that sorting by utterance sorts by speaker.
        num_samples: at 16 kHz, from the audio file's header.
        language: ISO 639-3.
        source: "real" or "synthetic".
        text: as written; None when the words are not known.
        sentence: equal = same meaning across languages and recordings; None when not known.
    """

    id: str
    speaker: str
    path: Path
    num_samples: int
    language: str
    source: str = "real"
    text: str | None = None
    sentence: str | None = None


def write_utterances(folder: Path, utterances: Iterable[Utterance]) -> None:
    """Write the files of a data directory that follow from its utterances.

    Raises:
        UserError: if an utterance id comes twice.
    """
    by_id: dict[str, Utterance] = {}
    for utterance in utterances:
        if utterance.id in by_id:
            other = by_id[utterance.id].path
            raise UserError(f"{folder}: utterance {utterance.id!r} is both {other} and {utterance.path}")
        by_id[utterance.id] = utterance
    columns = {
        "wav.scp": {u.id: u.path.absolute() for u in by_id.values()},
        "utt2spk": {u.id: u.speaker for u in by_id.values()},
        "utt2lang": {u.id: u.language for u in by_id.values()},
        "utt2source": {u.id: u.source for u in by_id.values()},
        "utt2num_samples": {u.id: u.num_samples for u in by_id.values()},
        "text": {u.id: u.text for u in by_id.values() if u.text},
        "utt2sent": {u.id: u.sentence for u in by_id.values() if u.sentence},
    }
    for name, column in columns.items():
        if column:
            write_scp(folder / name, column)
    write_scp(folder / "spk2utt", invert(columns["utt2spk"]))


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
        return read_scp(self.path / "wav.scp")

    @property
    def utterances(self) -> list[str]:
        return list(self.wav_scp)

    @cached_property
    def utt2num_samples(self) -> dict[str, int]:
        """Utterance -> samples at 16 kHz."""
        path = self.path / "utt2num_samples"
        counts = read_scp(path)
        for number, (utterance, value) in enumerate(counts.items(), 1):
            if not (value.isascii() and value.isdigit() and int(value) > 0):
                raise UserError(
                    f"{path}:{number}: {utterance!r} has {value!r} samples, expected a positive number"
                )
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
        """Name -> path of every trial list."""
        folder = self.path / "trials"
        return {path.name: path for path in sorted(folder.iterdir())} if folder.is_dir() else {}
