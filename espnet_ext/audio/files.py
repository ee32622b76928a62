"""Which files are audio: the one definition for folders and corpora."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

# Of what libsndfile and FFmpeg decode, the names that are used for audio. Headerless samples (.raw, .pcm) are not
# among them: their rate is unknown.
AUDIO_SUFFIXES = {
    ".3g2", ".3gp", ".8svx", ".aac", ".ac3", ".adts", ".aif", ".aifc", ".aiff", ".amr", ".ape", ".au", ".avi",
    ".avr", ".awb", ".bwf", ".caf", ".dts", ".eac3", ".flac", ".flv", ".g722", ".gsm", ".htk", ".ircam", ".m4a",
    ".m4b", ".m4r", ".m4v", ".mka", ".mkv", ".mov", ".mp1", ".mp2", ".mp3", ".mp4", ".mpeg", ".mpg", ".mpga",
    ".nist", ".oga", ".ogg", ".ogv", ".opus", ".paf", ".pvf", ".rf64", ".sd2", ".sds", ".sf", ".snd", ".sph",
    ".spx", ".svx", ".tta", ".voc", ".w64", ".wav", ".wave", ".weba", ".webm", ".wma", ".wmv", ".wv", ".wve",
    ".xi",
}  # fmt: skip
# How the files of these formats begin, whatever they are called.
_SIGNATURE = re.compile(
    rb"(RIFF|RF64)....WAVE|riff\x2e\x91\xcf\x11|FORM....AIF[FC]|\.snd|fLaC|OggS|ID3|\xff[\xf1-\xf3\xf9-\xfb]|caff|"
    rb"NIST_1A|....ftyp(M4|mp4|iso|qt|3g|dash|MSNV|avc)|\x1a\x45\xdf\xa3|\x30\x26\xb2\x75|#!AMR|wvpk|MAC |TTA1",
    re.DOTALL,
)
HIDDEN, NO_FILE, NO_AUDIO = "hidden", "neither a file nor a link to one", "not audio by name or content"


def is_visible(name: str) -> bool:
    """Whether a file is not hidden; macOS writes `._a.wav`, which is not audio, next to `a.wav`."""
    return not name.startswith(".")


def audio_fault(path: Path) -> str | None:
    """Why an entry of a folder is not an audio file; None if it is one.

    It is a visible file with a name of AUDIO_SUFFIXES in any case, or with the content of a well-known format.
    """
    if not is_visible(path.name):
        return HIDDEN
    if not path.is_file():
        return NO_FILE
    if path.suffix.lower() in AUDIO_SUFFIXES:
        return None
    with path.open("rb") as file:
        return None if _SIGNATURE.match(file.read(16)) else NO_AUDIO


def list_audio(folder: Path) -> tuple[list[Path], Counter[str]]:
    """Find the audio files below a folder, links followed, each file once.

    Returns:
        the files, sorted; and reason -> number of the entries that were skipped.

    Raises:
        OSError: a folder or file cannot be read.
    """
    files, skipped = [], Counter()
    for path in _walk(folder):
        if fault := audio_fault(path):
            skipped[fault] += 1
        else:
            files.append(path)
    return sorted(files), skipped


def _walk(folder: Path) -> Iterator[Path]:
    """Every file and hidden folder below a folder; each folder is entered once, without a link if possible."""
    root = folder.resolve()
    entered: set[str] = set()
    pending = [folder]
    for top in pending:  # grows as links are found
        for parent, folders, names in os.walk(top, onerror=_raise):
            real = os.path.realpath(parent)
            if real in entered:
                folders.clear()
                continue
            entered.add(real)
            paths = [Path(parent, name) for name in sorted(folders)]
            # A link to a folder above would list what is not below the folder.
            pending += [path for path in paths if path.is_symlink() and not root.is_relative_to(path.resolve())]
            folders[:] = [path.name for path in paths if is_visible(path.name) and not path.is_symlink()]
            yield from (path for path in paths if not is_visible(path.name))
            yield from (Path(parent, name) for name in names)


def _raise(error: OSError) -> None:
    raise error
