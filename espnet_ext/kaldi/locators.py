"""Where audio lies: a file, or `ark:offset` in an archive of a dump directory."""

import re
from collections.abc import Mapping
from pathlib import Path

ARK_ENTRY = re.compile(r"(.+\.ark):\d+$")
# What Kaldi also reads audio from.
_COMMAND = re.compile(r"\|.*|.*\|")
_OFFSET = re.compile(r".+:\d+(\[.*\])?")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://.*")


def is_dumped(place: str) -> bool:
    """Whether a place is that of an utterance in a dump directory's archive, `ark:offset`."""
    return ARK_ENTRY.match(place) is not None


def is_offset(place: str) -> bool:
    """Whether a place is in the form of Kaldi's offsets into a file of any name, or of its ranges."""
    return _OFFSET.fullmatch(place) is not None


def unsupported_reason(place: str) -> str | None:
    """Why a place cannot be that of a file or archive, with how to fix it; None if it can."""
    if _COMMAND.fullmatch(place):
        fault = "commands are not run"
    elif _ADDRESS.fullmatch(place):
        fault = "addresses are not fetched"
    elif place == "-":
        fault = "audio is not read from standard input"
    else:
        return None
    return None if Path(place).is_file() else f"{fault}; write the audio to a file first and name that file"


def file_of(place: str) -> str:
    """The file of a place."""
    found = ARK_ENTRY.match(place)
    return found[1] if found else place


def stable_path(place: str) -> str:
    """The file of a place, but of an archive its folder: which archive it is, changes with the other utterances."""
    file = file_of(place)
    return file if file == place else str(Path(file).parent)


def resolve_locators(places: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The places of an scp file as they can be opened from the current folder.

    Relative ones are relative to where the recipe runs, as Kaldi's are, so that a recipe can be moved as a whole.
    That is the nearest folder above the scp file from which the first of them is there; if it is there from none,
    they stay as they are.

    Args:
        places: key -> place, all relative ones to the same folder.
        folder: of the scp file.
    """
    first = next((place for place in places.values() if not Path(place).is_absolute()), None)
    if first is not None:
        folder = folder.absolute()
        for base in (folder, *folder.parents):
            if (base / file_of(first)).exists():
                return dict(places) if base == Path.cwd() else {key: str(base / place) for key, place in places.items()}
    return dict(places)
