"""Recognize files by their first bytes: audio formats, and common files that are not audio."""

import re
from pathlib import Path

# First bytes of audio files, used only to list folders: a decoder would reject damaged audio without an error.
_AUDIO = re.compile(
    rb"(RIFF|RF64)....WAVE|riff\x2e\x91\xcf\x11|FORM....AIF[FC]|\.snd|fLaC|OggS|ID3|\xff[\xf1-\xf3\xf9-\xfb]|caff|"
    rb"NIST_1A|....ftyp(M4|mp4|iso|qt|3g|dash|MSNV|avc)|\x1a\x45\xdf\xa3|\x30\x26\xb2\x75|#!AMR|wvpk|MAC |TTA1",
    re.DOTALL,
)
# First bytes of other files -> description and fix, for error messages.
KINDS = {
    b"version https://git-lfs.github.com/spec/": "a Git LFS pointer; run `git lfs pull`",
    b"/annex/objects/": "a git-annex pointer; run `git annex get`",
    b"\x00\x05\x16\x07": "macOS metadata (AppleDouble); remove it",
    b"PK\x03\x04": "a ZIP archive; unpack it",
    b"\x1f\x8b": "a gzip archive; unpack it",
    b"BZh": "a bzip2 archive; unpack it",
    b"\xfd7zXZ\x00": "an xz archive; unpack it",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it",
    b"%PDF-": "a PDF document",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
}
HEAD_BYTES = 1024


def _read_head(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(HEAD_BYTES)


def has_audio_content(path: Path) -> bool:
    """Whether a file starts like a file of a well-known audio format."""
    return _AUDIO.match(_read_head(path)) is not None


def describe_content(path: Path) -> str | None:
    """Describe a file that is not audio by its first bytes; None if it is not recognized."""
    head = _read_head(path)
    for magic, kind in KINDS.items():
        if head.startswith(magic):
            return kind
    if not head.strip(b"\x00"):
        return "only zero bytes; copy or download it again"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page, perhaps an error message of a server; download the file again"
    if start.startswith(b"<?xml"):
        return "an XML document; download the file again"
    return "a text file" if _is_text(head) else None


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # a character may be cut at the end
            return False
        text = head[: error.start].decode()
    return all(character.isprintable() or character in "\t\r\n" for character in text)
