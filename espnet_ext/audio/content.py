"""Names of common kinds of files that are not audio, for error messages."""

from pathlib import Path

# First bytes -> what the file is, and how to fix it.
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


def describe_content(path: Path) -> str | None:
    """Describe a file that is not audio by its first bytes; None if they say nothing."""
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
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
