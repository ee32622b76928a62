"""Locators of audio in scp files: a file, or `ark:offset` in an archive of a dump directory."""

import re
from collections.abc import Mapping
from pathlib import Path

_ARK_ENTRY = re.compile(r"(.+\.ark):\d+$")
_OFFSET = re.compile(r".+:\d+(\[.*\])?")
# Other sources that Kaldi reads.
_UNSUPPORTED = {
    r"\|.*|.*\|": "commands are not run",
    r"[A-Za-z][A-Za-z0-9+.-]+://.*": "addresses are not fetched",
    "-": "audio is not read from standard input",
}


def is_dumped(locator: str) -> bool:
    """Whether a locator is `ark:offset`, an utterance in an archive of a dump directory."""
    return _ARK_ENTRY.match(locator) is not None


def is_offset(locator: str) -> bool:
    """Whether a locator has the form of Kaldi's offsets into a file of any name, or of its ranges."""
    return _OFFSET.fullmatch(locator) is not None


def unsupported_reason(locator: str) -> str | None:
    """Reason why a locator is neither a file nor in an archive, with how to fix it; None if it may be one."""
    for pattern, reason in _UNSUPPORTED.items():
        if re.fullmatch(pattern, locator) and not Path(locator).is_file():
            return f"{reason}; write the audio to a file first and name that file"
    return None


def file_of(locator: str) -> str:
    """File of a locator."""
    match = _ARK_ENTRY.match(locator)
    return match[1] if match else locator


def stable_path(locator: str) -> str:
    """File of a locator, or the folder of an archive: an utterance may change archives with the other utterances."""
    file = file_of(locator)
    return file if file == locator else str(Path(file).parent)


def resolve_locators(locators: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Make the relative locators of an scp file valid in the current folder.

    Like Kaldi's, they are relative to the folder in which the recipe runs, so a recipe can be moved as a whole. That
    is the nearest folder above the scp file in which the first relative locator exists. If there is none, they are
    not changed.

    Args:
        locators: key -> locator; all relative ones are relative to the same folder.
        folder: folder of the scp file.
    """
    first = next((locator for locator in locators.values() if not Path(locator).is_absolute()), None)
    if first is None:
        return dict(locators)
    for base in (folder.absolute(), *folder.absolute().parents):
        if (base / file_of(first)).exists():
            return dict(locators) if base == Path.cwd() else {key: str(base / value) for key, value in locators.items()}
    return dict(locators)
