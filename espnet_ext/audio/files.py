"""Find audio files: one definition for folders and corpora."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from espnet_ext.audio.content import has_audio_content

# Names of audio files that libsndfile or FFmpeg decodes. Headerless samples (.raw, .pcm) are excluded: their rate is
# unknown.
AUDIO_SUFFIXES = {
    ".3g2", ".3gp", ".8svx", ".aac", ".ac3", ".adts", ".aif", ".aifc", ".aiff", ".amr", ".ape", ".au", ".avi",
    ".avr", ".awb", ".bwf", ".caf", ".dts", ".eac3", ".flac", ".flv", ".g722", ".gsm", ".htk", ".ircam", ".m4a",
    ".m4b", ".m4r", ".m4v", ".mka", ".mkv", ".mov", ".mp1", ".mp2", ".mp3", ".mp4", ".mpeg", ".mpg", ".mpga",
    ".nist", ".oga", ".ogg", ".ogv", ".opus", ".paf", ".pvf", ".rf64", ".sd2", ".sds", ".sf", ".snd", ".sph",
    ".spx", ".svx", ".tta", ".voc", ".w64", ".wav", ".wave", ".weba", ".webm", ".wma", ".wmv", ".wv", ".wve",
    ".xi",
}  # fmt: skip


def is_visible(name: str) -> bool:
    """Whether a file is not hidden; macOS writes `._a.wav`, which is not audio, next to `a.wav`."""
    return not name.startswith(".")


def _skip_reason(path: Path) -> str | None:
    """Reason why an entry of a folder is not an audio file; None for an audio file.

    An audio file is visible and has a suffix of AUDIO_SUFFIXES in any case, or the content of a well-known format.
    """
    if not is_visible(path.name):
        return "hidden"
    if not path.is_file():
        return "neither a file nor a link to one"
    is_audio = path.suffix.lower() in AUDIO_SUFFIXES or has_audio_content(path)
    return None if is_audio else "not audio by name or content"


def list_audio(folder: Path) -> tuple[list[Path], Counter[str]]:
    """Find the audio files below a folder, following links, each file once.

    Returns:
        the files, sorted; and reason -> number of skipped entries.

    Raises:
        OSError: a folder or file cannot be read.
    """
    files: list[Path] = []
    skipped: Counter[str] = Counter()
    for path in _walk(folder):
        if reason := _skip_reason(path):
            skipped[reason] += 1
        else:
            files.append(path)
    return sorted(files), skipped


def _walk(folder: Path) -> Iterator[Path]:
    """Every file and hidden folder below a folder; each folder is entered once, without a link if possible."""
    root = folder.resolve()
    entered: set[str] = set()
    pending = [folder]
    for top in pending:  # grows when links are found
        for parent, folders, names in os.walk(top, onerror=_raise):
            real = os.path.realpath(parent)
            if real in entered:
                folders.clear()
                continue
            entered.add(real)
            paths = [Path(parent, name) for name in sorted(folders)]
            # A link to a folder above would list files outside of the folder.
            pending += [path for path in paths if path.is_symlink() and not root.is_relative_to(path.resolve())]
            folders[:] = [path.name for path in paths if is_visible(path.name) and not path.is_symlink()]
            yield from (path for path in paths if not is_visible(path.name))
            yield from (Path(parent, name) for name in names)


def _raise(error: OSError) -> None:
    raise error
