"""Letters, syllables and words of KDE's games for children: real voices of many languages.

Debian packages klettres-data and ktuberling-data (both GPL-2+). A folder is one language and very
likely one voice, but this is not documented. Two folders of one language may be the same person, so all folders of a
language are in the same set, and are never compared in a trial.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from chunks import clip_name, read_chunks, write_chunks
from espnet_ext.audio.files import is_visible
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.atomic import remove_others
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.pool import process_pool

PACKAGES = ("klettres-data", "ktuberling-data")
ROOTS = {"klettres-data": "usr/share/klettres", "ktuberling-data": "usr/share/ktuberling/sounds"}
SUFFIXES = {".ogg", ".opus", ".wav"}
MIN_CLIPS = 10  # fewer give no two chunks to compare

# Folder name without country or script -> ISO 639-3.
LANGUAGES = {
    "ar": "ara", "ca": "cat", "cs": "ces", "da": "dan", "de": "deu", "el": "ell", "en": "eng", "es": "spa",
    "fi": "fin", "fr": "fra", "ga": "gle", "gl": "glg", "he": "heb", "hu": "hun", "it": "ita", "lt": "lit",
    "ml": "mal", "nb": "nob", "nds": "nds", "nl": "nld", "nn": "nno", "pt": "por", "ro": "ron", "ru": "rus",
    "sl": "slv", "sr": "srp", "sv": "swe", "tn": "tsn", "uk": "ukr", "wa": "wln",
}  # fmt: skip


@dataclass(frozen=True)
class KdeVoice:
    """The clips of one folder."""

    package: str
    speaker: str
    language: str
    clips: tuple[Path, ...]


def list_voices(roots: Mapping[str, Path], excluded: Exclusions) -> list[KdeVoice]:
    """Folders with at least ten recordings that are not in an earlier folder, sorted by speaker.

    Files with equal bytes are one recording: the four Serbian folders of ktuberling are copies.

    Args:
        roots: package -> folder of its files.
        excluded: receives the copies and the clips of folders that are too small.

    Raises:
        UserError: a package has no folder of clips, or a folder of an unknown language.
    """
    voices = []
    seen: set[bytes] = set()
    for package in PACKAGES:
        root = roots[package] / ROOTS[package]
        if not root.is_dir():
            raise UserError(f"{root}: no such folder; fetch {package} again")
        for folder in sorted(path for path in root.iterdir() if path.is_dir()):
            paths = (path for path in folder.rglob("*") if is_visible(path.name))
            files = sorted(path for path in paths if path.suffix.lower() in SUFFIXES)
            if not files:  # pictures, or a language without recordings
                continue
            speaker = f"{package.removesuffix('-data')}_{folder.name.replace('@', '_')}"
            clips = _unseen(files, seen, speaker, excluded)
            if len(clips) >= MIN_CLIPS:
                voices.append(KdeVoice(package, speaker, _language(folder), tuple(clips)))
            else:
                for clip in clips:
                    excluded.add(f"{speaker}-{clip_name(clip)}", clip, f"fewer than {MIN_CLIPS} clips of the voice")
    return sorted(voices, key=lambda voice: voice.speaker)


def _language(folder: Path) -> str:
    code = folder.name.partition("_")[0].partition("@")[0]
    if code not in LANGUAGES:
        raise UserError(f"{folder}: unknown language {code!r}; add it to LANGUAGES in {__name__}")
    return LANGUAGES[code]


def _unseen(files: list[Path], seen: set[bytes], speaker: str, excluded: Exclusions) -> list[Path]:
    """The files whose digests are not in `seen`; their digests are added."""
    clips = []
    for path in files:
        digest = hashlib.sha1(path.read_bytes()).digest()
        if digest in seen:
            excluded.add(f"{speaker}-{clip_name(path)}", path, "copy of another recording")
        else:
            seen.add(digest)
            clips.append(path)
    return clips


def draw_test_voices(voices: Collection[KdeVoice], min_voices: int) -> set[str]:
    """Speakers for evaluation: whole languages in the order of SHA-1, until there are `min_voices`."""
    drawn: set[str] = set()
    languages = {voice.language for voice in voices}
    for language in sorted(languages, key=lambda name: hashlib.sha1(name.encode()).hexdigest()):
        if len(drawn) >= min_voices:
            break
        drawn |= {voice.speaker for voice in voices if voice.language == language}
    return drawn


def parse_voices(
    max_chunks: Mapping[KdeVoice, int], folder: Path, nj: int, excluded: Mapping[KdeVoice, Exclusions]
) -> dict[KdeVoice, list[Utterance]]:
    """Chunks of each voice as utterances without text; see `chunks.write_chunks`.

    Args:
        max_chunks: voice -> maximum number of chunks.
        nj: processes.
        excluded: voice -> receives its unused clips.
    """
    voices = list(max_chunks)
    with process_pool(nj, write_chunks.__module__) as executor:
        futures = [
            executor.submit(write_chunks, voice.speaker, voice.clips, max_chunks[voice], folder) for voice in voices
        ]
        targets = [future.result() for future in futures]
    remove_others(folder, targets)
    parsed = {}
    for voice, target in zip(voices, targets, strict=True):
        chunks = read_chunks(voice.speaker, voice.clips, target, excluded[voice])
        parsed[voice] = [
            Utterance(name, voice.speaker, path, num_samples, voice.language)
            for name, (path, num_samples) in chunks.items()
        ]
    return parsed
