"""Asterisk core sounds: the same telephone prompts spoken in five languages (CC-BY-SA 3.0).

Debian packages asterisk-core-sounds-<lang> (transcripts) and asterisk-core-sounds-<lang>-g722 (audio).
"""

import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from espnet_ext.audio import RATE
from espnet_ext.audio.files import is_visible
from espnet_ext.audio.waveform import samples_at_16k
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError

MIN_DURATION_S, MAX_DURATION_S = 0.4, 10.0
# If a larger part of the clips is left out, files are missing. The worst voice, es-MX, loses 15 %.
MAX_LEFT_OUT = 0.5

# "[tone]", "(beep)", "<beep ascending>": a note and not speech, or not only speech.
_BRACKETED = re.compile(r"[\[\](){}<>]")
# "non ? attiva", "pu? essere", "num?ro": a question mark in mid-sentence was an accented letter.
_LOST_LETTER = re.compile(r"\?(?=\w|\s+[^\W\dA-ZÀ-ÖØ-Þ_])")


@dataclass(frozen=True)
class CoreVoice:
    """A voice of the core sounds; `folder` is relative to usr/share/asterisk/sounds."""

    package_language: str
    language: str
    speaker: str
    folder: str

    @property
    def audio_package(self) -> str:
        return f"asterisk-core-sounds-{self.package_language}-g722"

    @property
    def text_package(self) -> str:
        return f"asterisk-core-sounds-{self.package_language}"


# English and Mexican Spanish are spoken by one person.
CORE_VOICES = (
    CoreVoice("en", "eng", "allison", "en_US_f_Allison"),
    CoreVoice("es", "spa", "allison", "es_MX_f_Allison"),
    CoreVoice("fr", "fra", "june", "fr_CA_f_June"),
    CoreVoice("it", "ita", "carlo", "it_IT_m_Carlo"),
    CoreVoice("ru", "rus", "ru_ivr", "ru_RU_f_IvrvoiceRU"),
)


def read_transcripts(path: Path) -> dict[str, str]:
    """Read a gzipped list of `key: text` lines; ';' starts a comment.

    A repeated key keeps its first text (in the Spanish list, the second `digits/0` has the text of `digits/10`). A key
    that its own text repeats is removed from the text.

    Returns:
        Key -> text, single-spaced; empty for a key without text.

    Raises:
        UserError: the file is truncated, or a line is not UTF-8 or has no key; names file and line.
    """
    texts: dict[str, str] = {}
    for number, raw in enumerate(_unzip(path).split(b"\n"), 1):
        try:
            # The Italian list starts with a byte order mark.
            line = raw.decode("utf-8").removeprefix("\ufeff").strip()
        except UnicodeDecodeError as error:
            raise UserError(f"{path}:{number}: not UTF-8 ({error.reason}); fetch the package again") from error
        if not line or line.startswith(";"):
            continue
        key, colon, text = line.partition(":")
        if not colon or len(key.split()) != 1:
            raise UserError(f"{path}:{number}: expected `key: text`, found {line!r}; fetch the package again")
        key = key.strip()
        texts.setdefault(key, " ".join(text.strip().removeprefix(f"{key}:").split()))
    return texts


def _unzip(path: Path) -> bytes:
    try:
        with gzip.open(path, "rb") as file:
            return file.read()
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such transcript; fetch the package again") from error
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot unzip ({error}); fetch the package again") from error


def has_lost_letter(text: str) -> bool:
    """Whether a '?' replaces an accented letter, which a wrong encoding removed."""
    return _LOST_LETTER.search(text) is not None


def utterance_id(speaker: str, language: str, key: str) -> str:
    """Utterance id, for instance `allison-eng-digits.1`; keys contain no dot."""
    return f"{speaker}-{language}-{key.replace('/', '.')}"


def list_prompts(folder: Path, suffix: str) -> dict[str, Path]:
    """Key (`digits/1`) -> file of every prompt below a folder, sorted.

    Raises:
        UserError: there are no prompts.
    """
    paths = (path for path in folder.rglob(f"*{suffix}") if is_visible(path.name))
    files = {path.relative_to(folder).with_suffix("").as_posix(): path for path in paths}
    if not files:
        raise UserError(f"{folder}: no {suffix} files; fetch the package again")
    return dict(sorted(files.items()))


def duration_fault(num_samples: int, min_s: float, max_s: float) -> str | None:
    """Reason to leave out a clip of `num_samples` at 16 kHz, or None."""
    if num_samples < min_s * RATE:
        return f"shorter than {min_s:g} s"
    if num_samples > max_s * RATE:
        return f"longer than {max_s:g} s"
    return None


def parse_core_voice(voice: CoreVoice, audio_root: Path, text_root: Path, excluded: Exclusions) -> dict[str, Utterance]:
    """Read one voice.

    A clip is kept if it lasts 0.4 to 10 s and has a transcript without bracketed text. A clip whose transcript lost a
    letter is kept without text.

    Args:
        audio_root, text_root: the unpacked packages of audio and of transcripts.
        excluded: receives the clips that are left out.

    Returns:
        Key -> utterance, `sentence` not set.

    Raises:
        UserError: files are missing or damaged, or more than half of the clips would be left out.
    """
    texts = read_transcripts(
        text_root / f"usr/share/doc/{voice.text_package}/core-sounds-{voice.package_language}.txt.gz"
    )
    files = list_prompts(audio_root / "usr/share/asterisk/sounds" / voice.folder, ".g722")
    lost = Exclusions()
    kept = {}
    for key, path in files.items():
        name = utterance_id(voice.speaker, voice.language, key)
        text = texts.get(key, "")
        # The text is checked first: the Russian `is` has no text, and its file is empty on purpose.
        fault = _text_fault(text)
        num_samples = 0 if fault else samples_at_16k(path)
        if fault := fault or duration_fault(num_samples, MIN_DURATION_S, MAX_DURATION_S):
            lost.add(name, path, fault)
            continue
        words = None if has_lost_letter(text) else text
        kept[key] = Utterance(name, voice.speaker, path, num_samples, voice.language, text=words)
    lost.check_share(len(files), MAX_LEFT_OUT, audio_root)
    excluded.entries += lost.entries
    return kept


def _text_fault(text: str) -> str | None:
    if not text:
        return "no transcript"
    return "bracketed text, not only speech" if _BRACKETED.search(text) else None
